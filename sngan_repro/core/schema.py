"""Frozen, strict configuration models: the base class, reading of YAML, readable errors.

Nothing here imports torch: the Snakefile imports this module, and each job parses the Snakefile again.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer


class ConfigError(Exception):
    """A mistake in a configuration or on the command line. It is printed as one message without a traceback."""


class Model(BaseModel):
    """Base class of the configuration models: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

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
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def nearest(name: str, allowed: list[str]) -> str:
    """A hint such as ``; did you mean 'batch_size'?``, or an empty text if no name is close."""
    lower = {other.lower(): other for other in allowed}
    match = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return f"; did you mean '{lower[match[0]]}'?" if match else ""


def require_known(kind: str, name: str, allowed: list[str]) -> None:
    """Raise :class:`ConfigError` with the allowed names if ``name`` is not one of them."""
    if name not in allowed:
        raise ConfigError(f"unknown {kind} '{name}'{nearest(name, allowed)} (known: {', '.join(sorted(allowed))})")


class DuplicateKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml is 10x faster
    """A YAML loader that refuses a key given twice in one mapping. Other loaders keep the last one silently."""


def _no_duplicates(loader: yaml.SafeLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            line = key_node.start_mark.line + 1
            raise ConfigError(f"line {line}: the key '{key}' is given twice in one mapping")
        seen.add(key)
    return loader.construct_mapping(node, deep)


DuplicateKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _no_duplicates)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises :class:`ConfigError` with the file if it is missing, not YAML, or not a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=DuplicateKeyLoader)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, found {type(content).__name__}")
    return content


def parse(model: type[ModelT], values: Any, where: str) -> ModelT:
    """Validate ``values`` as ``model``. Raises :class:`ConfigError` with ``where`` and each wrong key."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error, model, where)) from None


EXPECTED = {
    "tuple_type": "a list is needed",
    "model_type": "a mapping of keys to values is needed",
    "dict_type": "a mapping of keys to values is needed",
}
"""Type of a pydantic error -> its message here, without Python types."""
LABEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$"
PATTERNS = {
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
        key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
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
            lines.append(f"{where}: {key}: {expected}; found {problem['input']!r}")
    return "\n".join(lines)


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
