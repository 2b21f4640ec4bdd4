"""What a class must declare to serve as a method, checked as it registers itself. No torch here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sngan_repro.core.schema import LABEL_PATTERN, ConfigError

if TYPE_CHECKING:
    from sngan_repro.methods.base import Method

RESERVED = ("name", "label", "setting", "nets", "options")
"""Keys of a method's entry in a study file that are none of the method's options."""
CALLS = {"build": [], "d_loss": ["D", "real", "fake"], "g_loss": ["D", "fake"], "after_step": []}
"""How the loop calls a method."""


def check_declaration(name: str, method: type[Method]) -> None:
    """Raise ConfigError, before anything is built, when a class cannot serve as a method."""
    from sngan_repro.methods.base import Method, MethodOptions

    if not (isinstance(method, type) and issubclass(method, Method)):
        raise ConfigError(f"method '{name}': a class derived from `Method` is needed; found {method!r}")
    where = f"method '{name}' (class {method.__name__})"
    if missing := sorted(getattr(method, "__abstractmethods__", ())):
        raise ConfigError(f"{where}: it has no {_listed(f'`{function}`' for function in missing)}; define it")
    for attribute in ("title", "summary", "equations", "source"):
        value = getattr(method, attribute, None)
        if not isinstance(value, str) or (attribute in ("title", "summary") and not value.strip()):
            found = "it has none" if value is None else f"found {value!r}"
            raise ConfigError(f"{where}: `{attribute}` must be a text; {found}")
    if not re.fullmatch(LABEL_PATTERN, method.title) or len(method.title) > 60:
        raise ConfigError(
            f"{where}: `title` becomes part of paths, so it is made of at most 60 letters, digits and _ . + -, and "
            f"begins with a letter or digit; found '{method.title}'"
        )
    if "\n" in method.summary:
        raise ConfigError(f"{where}: `summary` must be one line")
    if not (isinstance(method.Options, type) and issubclass(method.Options, MethodOptions)):
        raise ConfigError(f"{where}: `Options` must be a class derived from `MethodOptions`")
    for option, field in method.Options.model_fields.items():
        if field.is_required():
            raise ConfigError(f"{where}: the option `{option}` has no default; `{option}: float = Field(1.0, ...)`")
        if option in RESERVED:
            raise ConfigError(f"{where}: `{option}` is a key of every entry of a study; rename the option")
    for function, given in CALLS.items():
        try:
            inspect.signature(getattr(method, function)).bind("self", *given)
        except TypeError as error:
            takes = f"{function}({', '.join(['self', *given])})"
            raise ConfigError(f"{where}: the loop calls `{takes}`, but: {error}") from None


def _listed(words: Iterable[str]) -> str:
    return " and no ".join(words)
