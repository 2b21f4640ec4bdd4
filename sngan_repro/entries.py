"""Entries of ``methods`` in a study file: what they may not say, and what they come to. No torch here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from sngan_repro.config import ConfigError, Model, describe, nearest, parse
from sngan_repro.declaration import RESERVED
from sngan_repro.methods.base import Method
from sngan_repro.programs.declare import Program
from sngan_repro.specs import NetsSpec, SettingSpec

ENTRY_KEYS = [key for key in RESERVED if key != "options"]
OWN_KEYS: dict[str, type[Model]] = {"setting": SettingSpec, "nets": NetsSpec}
"""Keys of an entry that hold keys of other parts of a study."""


def flattened(value: Any) -> Any:
    """An entry as its model has it: a bare name becomes a mapping, keys that are none of its own become options.

    Raises ValueError (for pydantic) for what is neither.
    """
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, dict):
        raise ValueError(f"a name such as sngan, or a mapping such as {{name: sngan, loss: hinge}}; found {value!r}")
    own = {key: value[key] for key in value if key in RESERVED}
    extra = {str(key): value[key] for key in value if key not in RESERVED}
    if not own and len(extra) == 1:  # `- sngan: {loss: hinge}`, or `- sngan:` alone
        (name, inner), *_ = extra.items()
        keys = "".join(f", {key}: {given}" for key, given in inner.items()) if isinstance(inner, dict) else ""
        raise ValueError(f"the method's name is the value of `name`; write {{name: {name}{keys}}}")
    options = own.get("options", {})
    if not isinstance(options, dict):
        raise ValueError(f"`options` must be a mapping of options to values; found {options!r}")
    return {**own, "options": {**options, **extra}}


def check_labels(labels: Iterable[str]) -> None:
    """Raise ConfigError for two entries whose results would lie in one folder."""
    seen: dict[str, str] = {}
    for label in labels:
        other = seen.get(label.lower())
        if other == label:
            raise ConfigError(f"methods: two entries have the label '{label}'; give one its own `label:`")
        if other is not None:
            raise ConfigError(
                f"methods: the labels '{other}' and '{label}' differ in case only, so their results would share a "
                "folder on some disks; give one another `label:`"
            )
        seen[label.lower()] = label


def options_of(method: type[Method] | Program, given: dict[str, Any], where: str) -> Any:
    """The complete options of an entry, an instance of the method's ``Options``.

    Raises ConfigError naming the key and what would be right.
    """
    known = method.Options.model_fields
    for key in given:
        if key in known:
            continue
        for part, model in OWN_KEYS.items():
            if key in model.model_fields:
                raise ConfigError(f"{where}: {key}: this is a key of `{part}`; write {part}: {{{key}: {given[key]}}}")
        hint = nearest(key, [*known, *ENTRY_KEYS])
        listed = ", ".join(known) if known else "no options"
        raise ConfigError(f"{where}: {key}: unknown key{hint} (allowed here: {listed}; and {', '.join(ENTRY_KEYS)})")
    try:
        options = method.Options.model_validate(given)
    except ValidationError as error:
        raise ConfigError(describe(error, method.Options, where)) from None
    for key, value in given.items():
        if isinstance(value, bool) and not isinstance(getattr(options, key), bool):
            raise ConfigError(f"{where}: {key}: a number is needed; found {str(value).lower()}")
    return options


def nets_of(nets: NetsSpec, replaced: dict[str, Any], where: str) -> NetsSpec:
    """The networks of an entry: the study's, with what the entry replaces."""
    return parse(NetsSpec, {**nets.to_dict(), **replaced}, f"{where}: nets")


def setting_of(setting: SettingSpec, replaced: dict[str, Any], where: str) -> SettingSpec:
    """A setting as an entry has it. Rates of its own, one or a pair, take the place of the other form."""
    values = setting.to_dict()
    if "lr" in replaced and not {"lr_d", "lr_g"} & replaced.keys():
        values |= {"lr_d": None, "lr_g": None}
    elif {"lr_d", "lr_g"} <= replaced.keys():
        values["lr"] = None
    return parse(SettingSpec, {**values, **replaced}, f"{where}: setting")
