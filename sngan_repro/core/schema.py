"""Frozen, strict configuration models: the base class, readable errors.

Nothing here imports torch: the Snakefile imports this module, and each job parses the Snakefile again.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from sngan_repro.core.numbers import check_numbers

SHOWN = 120
"""Characters of a value that a message shows."""
MAX_LINE = 700
MAX_MESSAGE = 1900
"""Characters of a line, and of a message."""


class ConfigError(Exception):
    """A mistake in a configuration or on the command line. It is printed as one message without a traceback.

    The text of a message is printable: control characters, and what is not Unicode, are escaped; long lines are cut.
    """

    def __str__(self) -> str:
        text, lines = super().__str__(), list[str]()
        for number, line in enumerate(text.split("\n")):
            lines.append(shortened(line, MAX_LINE))
            if sum(map(len, lines)) > MAX_MESSAGE:
                rest = len(text.split("\n")) - number
                return "\n".join([*lines[:-1], f"... and {rest} more lines"]) if number else lines[0][:MAX_MESSAGE]
        return "\n".join(lines)


def shortened(text: str, most: int = SHOWN) -> str:
    """A text for a message: control characters and what is not Unicode are escaped, and a long one is cut inside."""
    if len(text) > most:
        text = f"{text[: most * 2 // 3]} ... ({len(text):,} characters) ... {text[-most // 3 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Model(BaseModel):
    """Base class of the configuration models: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _numbers_in_range(cls, values: Any) -> Any:
        if isinstance(values, dict):
            check_numbers(cls.model_fields, values)
        return values

    derived: ClassVar[frozenset[str]] = frozenset()
    """Fields that a user cannot set in a file."""
    added: ClassVar[frozenset[str]] = frozenset()
    """Fields that were added after results existed. They are left out of JSON and digests at their default, so that
    the results of earlier versions stay valid. A default is not a model here."""

    @model_serializer(mode="wrap")
    def _without_added_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values = handler(self)
        if not self.added:
            return values
        fields = type(self).model_fields
        unset = {name for name in self.added if getattr(self, name) == fields[name].get_default()}
        return {name: value for name, value in values.items() if name not in unset}

    def to_dict(self) -> dict[str, Any]:
        """All values, with defaults, as JSON-compatible types."""
        return self.model_dump(mode="json")

    def to_json(self) -> str:
        """One line of JSON with sorted keys: equal models give equal text."""
        return self._json

    def digest(self) -> str:
        """The first 16 hex digits of the SHA-256 of :meth:`to_json`."""
        return self._digest

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields replaced. Cached properties of the old values are not copied."""
        copied = super().model_copy(update=update, deep=deep)
        for name in vars(copied).keys() - type(self).model_fields.keys():
            del vars(copied)[name]
        return copied

    # Cached: a model does not change, and the workflow needs these values several times per job.

    @cached_property
    def _json(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True)

    @cached_property
    def _digest(self) -> str:
        return text_digest(self._json)


ModelT = TypeVar("ModelT", bound=BaseModel)


def text_digest(text: str) -> str:
    """The first 16 hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def nearest(name: str, allowed: list[str]) -> str:
    """A hint such as ``; did you mean 'batch_size'?``, or an empty text if no name is close."""
    lower = {other.lower(): other for other in allowed}
    match = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return f"; did you mean '{lower[match[0]]}'?" if match else ""


def require_known(kind: str, name: str, allowed: list[str]) -> None:
    """Raise :class:`ConfigError` with the allowed names if ``name`` is not one of them."""
    if name not in allowed:
        raise ConfigError(f"unknown {kind} '{name}'{nearest(name, allowed)} (known: {', '.join(sorted(allowed))})")


def parse(model: type[ModelT], values: Any, where: str) -> ModelT:
    """Validate ``values`` as ``model``. Raises :class:`ConfigError` with ``where`` and each wrong key."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error, model, where)) from None
    except RecursionError:
        raise ConfigError(f"{where}: too many lists and mappings inside each other") from None


EXPECTED = {
    "tuple_type": "a list is needed",
    "model_type": "a mapping of keys to values is needed",
    "dict_type": "a mapping of keys to values is needed",
}
"""Type of a pydantic error -> its message here, without Python types."""
LABEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$"
PATTERNS = {
    r"^[^{}]+$": "a path without braces is needed, since Snakemake reads them as wildcards",
    LABEL_PATTERN: "a name that becomes part of paths has letters, digits and _ . + - only, and begins with a letter "
    "or digit",
}
"""Pattern -> its message."""


def describe(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """All problems of a failed validation, one line each: file, key, the given value, the allowed values."""
    lines = []
    problems = error.errors()
    for problem in problems:
        if any(other["loc"][: len(problem["loc"])] == problem["loc"] != other["loc"] for other in problems):
            continue  # follows from a problem in an inner key
        key = ".".join(shortened(str(part)) for part in problem["loc"]) or "(top level)"
        if problem["type"] == "extra_forbidden":
            parent = _model_at(model, problem["loc"][:-1])
            hidden: frozenset[str] = getattr(parent, "derived", frozenset())
            fields = [name for name in parent.model_fields if name not in hidden] if parent else []
            hint = nearest(str(problem["loc"][-1]), fields)
            allowed = f" (allowed here: {', '.join(fields)})" if fields else ""
            lines.append(f"{where}: {key}: unknown key{hint}{allowed}")
        elif problem["type"] == "missing":
            lines.append(f"{where}: {key}: this key is required")
        elif problem["type"] == "value_error":
            place = f"{where}: {key}" if problem["loc"] else where
            lines.append(f"{place}: {problem['ctx']['error']}")
        else:
            expected = EXPECTED.get(problem["type"], problem["msg"])
            expected = PATTERNS.get(problem.get("ctx", {}).get("pattern", ""), expected)
            lines.append(f"{where}: {key}: {expected}; found {found_text(problem['input'])}")
    return "\n".join(lines)


def found_text(value: Any) -> str:
    """A value for a message: shortened, and safe for numbers that Python refuses to print."""
    try:
        return shortened(repr(value))
    except ValueError:  # more digits than Python converts
        return f"a number of {value.bit_length()} bits" if isinstance(value, int) else type(value).__name__
    except RecursionError:
        return type(value).__name__


def _model_at(model: type[BaseModel] | None, loc: tuple[Any, ...]) -> type[BaseModel] | None:
    """The model at the location of a validation error, through lists, dicts and optional fields."""
    for part in loc:
        if model is None or not isinstance(part, str) or part not in model.model_fields:
            continue  # a list index or a key of a mapping: the model of the value stays the same
        model = _first_model(model.model_fields[part].annotation)
    return model


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _first_model(argument)) is not None:
            return found
    return None


DEVICE_PATTERN = r"^(auto|cpu|cuda(:\d+)?)$"
