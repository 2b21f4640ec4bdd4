"""Entries of ``methods`` in a study file: their keys, and the part of a run's specification they give. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field, ValidationError, model_validator

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.specs import BudgetSpec, Label, MethodSpec, NetsSpec, TrainingSpec
from sngan_repro.core.schema import ConfigError, Model, describe, nearest, parse
from sngan_repro.methods import METHODS, Method
from sngan_repro.methods.base import RESERVED
from sngan_repro.methods.program import Program
from sngan_repro.nets.families import FAMILIES

ENTRY_KEYS = [key for key in RESERVED if key != "options"]
OWN_KEYS: dict[str, type[Model]] = {"setting": OptimizerSpec, "nets": NetsSpec, "training": TrainingSpec}
"""Keys of an entry whose values replace keys of other parts of a study."""

NO_SETTING = {"lr": 1.0}
"""The setting in the specification of a program without settings. Nothing uses it."""


class MethodEntry(Model):
    """One method of a study: ``sngan``, or ``{name: sngan, label: SNGAN-hinge, loss: hinge, ...}``.

    Keys other than these are options of the method (``sngan-repro methods`` lists them).
    """

    name: str = Field(description="a method or program; `sngan-repro methods` lists them")
    label: Label | None = Field(None, description="name in paths, tables and figures; default: the method's title")
    setting: dict[str, Any] = Field({}, description="replaces keys of every setting for this entry, e.g. n_dis: 5")
    nets: dict[str, Any] = Field({}, description="replaces keys of the study's `nets` for this entry")
    training: dict[str, Any] = Field({}, description="replaces keys of the study's `training` for this entry")
    budget: BudgetSpec | None = Field(None, description="replaces the study's `budget` for this entry")
    options: dict[str, Any] = Field({}, description="the method's own options")

    @model_validator(mode="before")
    @classmethod
    def _flat_options(cls, value: Any) -> Any:
        """Accept a name alone, and collect the keys that are not the entry's own as options."""
        if isinstance(value, str):
            return {"name": value}
        if not isinstance(value, dict):
            raise ValueError(
                f"a name such as sngan, or a mapping such as {{name: sngan, loss: hinge}}; found {value!r}"
            )
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
    """Raise ConfigError for two entries whose results would be in one folder."""
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

    Raises ConfigError that names the key and the allowed keys or values. Its lines begin with ``where``.
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
    """The networks of an entry: the study's, with the keys that the entry replaces.

    Options of the family are replaced one by one, unless the entry chooses another family. Those that equal their
    default are left out, so that equal networks have equal specifications. Raises ConfigError for unknown options.
    """
    found = parse(NetsSpec, {**nets.to_dict(), **replaced}, f"{where}: nets")
    if not nets.options and not found.options:
        return found
    try:
        family = FAMILIES.get(found.family)
    except ConfigError as error:
        raise ConfigError(f"{where}: nets: family: {error}") from None
    merged = {**nets.options, **found.options} if found.family == nets.family else replaced.get("options", {})
    options = parse(family.Options, merged, f"{where}: nets: options")
    # Pydantic's own JSON types, so that 1 and 1.0 give one specification.
    given = {k: v for k, v in options.to_dict().items() if v != family.Options.model_fields[k].get_default()}
    return found.model_copy(update={"options": given})


def _conditioned(method: type[Method], nets: NetsSpec, entry: MethodEntry) -> NetsSpec:
    """The networks with the method's own way of using labels in D. Raises ConfigError where they do not go together."""
    if nets.conditional and not method.conditional:
        raise ConfigError(
            f"nets: conditional: the discriminator of '{entry.name}' uses no class labels; give this entry "
            "`nets: {conditional: false}`"
        )
    needed = method.condition_d
    if needed is None:
        owners = [name for name in METHODS.names() if METHODS.get(name).condition_d == nets.condition_d]
        if nets.conditional and owners:
            raise ConfigError(
                f"nets: condition_d: '{nets.condition_d}' needs the loss of the method '{', '.join(owners)}', not of "
                f"'{entry.name}'; choose that method, or another `condition_d`"
            )
        return nets
    if not nets.conditional:
        raise ConfigError(f"the method '{entry.name}' needs class labels; give `nets: {{conditional: true}}`")
    if entry.nets.get("condition_d", needed) != needed:
        raise ConfigError(f"nets: condition_d: has no effect on '{entry.name}', whose D is '{needed}'; remove it")
    return nets.model_copy(update={"condition_d": needed})


def setting_of(setting: OptimizerSpec, replaced: dict[str, Any], where: str) -> OptimizerSpec:
    """A setting with the keys that an entry replaces. ``lr`` replaces a pair of rates, and a pair replaces ``lr``."""
    values = setting.to_dict()
    if "lr" in replaced and not {"lr_d", "lr_g"} & replaced.keys():
        values |= {"lr_d": None, "lr_g": None}
    elif {"lr_d", "lr_g"} <= replaced.keys():
        values["lr"] = None
    return parse(OptimizerSpec, {**values, **replaced}, f"{where}: setting")


def method_parts(
    entry: MethodEntry,
    options: Any,
    name: str,
    setting: OptimizerSpec,
    nets: NetsSpec,
    training: TrainingSpec,
    where: str,
) -> dict[str, Any]:
    """The part of a run's specification that an entry gives under the setting called ``name``.

    options: from :func:`options_of`. Raises ConfigError, in lines that begin with ``where``, if it cannot be run.
    """
    optimizer = setting_of(setting, entry.setting, where)
    found = nets_of(nets, entry.nets, where)
    method = METHODS.get(entry.name)
    try:
        found = _conditioned(method, found, entry)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    try:
        method.check(options, optimizer)
    except ConfigError as error:
        raise ConfigError(f"{where}: setting {name}: {error}") from None
    own = {} if entry.budget is None else {"budget": entry.budget}
    return own | {
        "method": MethodSpec(name=entry.name, options=options.to_dict(), code=METHODS.code(entry.name)),
        "nets": found,
        "optimizer": optimizer,
        "training": parse(TrainingSpec, {**training.to_dict(), **entry.training}, f"{where}: training"),
    }


def program_parts(
    entry: MethodEntry,
    program: Program,
    options: Any,
    setting: OptimizerSpec | None,
    training: TrainingSpec,
    num_samples: int,
    where: str,
) -> dict[str, Any]:
    """The part of a run's specification that a program gives. setting: None for a program without settings.

    num_samples: images that the study's protocols need.

    A program gets no networks, and of ``training`` only the batch size, so its runs do not depend on the rest.
    """
    for key in ("nets", "training", "budget", *(("setting",) if setting is None else ())):
        if getattr(entry, key):
            raise ConfigError(f"{where}: `{key}` has no effect on a program; remove it")
    values = NO_SETTING if setting is None else {**setting.to_dict(), **entry.setting}
    return {
        "method": MethodSpec(name=entry.name, options=options.to_dict(), code=program.code, num_samples=num_samples),
        "nets": NetsSpec(),
        "optimizer": parse(OptimizerSpec, values, f"{where}: setting"),
        "training": TrainingSpec(batch_size=training.batch_size),
    }
