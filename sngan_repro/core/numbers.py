"""Numbers in configurations: within a range that every computation can bear, and never a boolean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic.fields import FieldInfo

LARGEST = 1e20
"""The largest number of any key. Most keys have a narrower range of their own."""
SMALLEST = 1e-20
"""The smallest number above 0 of any key."""

ALLOWED = (0, float("inf"), float("-inf"))
"""Allowed here: keys say by themselves that a finite number is needed."""


def check_numbers(fields: Mapping[str, FieldInfo], values: Mapping[Any, Any]) -> None:
    """Raise ValueError with the key for a number out of range, and for a boolean where a number is needed.

    Python takes True for 1. In mappings without a model, such as options, only the range of numbers is checked.
    """
    for key, value in values.items():
        field = fields.get(key) if isinstance(key, str) else None
        kinds = _kinds(field.annotation) if field is not None else frozenset({Any})
        _check(str(key), value, kinds)


def _check(key: str, value: Any, kinds: frozenset[Any]) -> None:
    if isinstance(value, bool):
        if not kinds & {bool, Any} and kinds & {int, float}:
            raise ValueError(f"`{key}` is a number, and {str(value).lower()} is none")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check(f"{key}.{name}", inner, kinds)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(key, inner, kinds)
    elif isinstance(value, str) and kinds & {int, float} and not kinds & {str, Any}:
        try:
            _check(key, float(value), kinds)
        except ValueError as error:
            if "`" in str(error):
                raise
    elif isinstance(value, int | float) and value not in ALLOWED and not SMALLEST <= abs(value) <= LARGEST:
        limit = f"at most {LARGEST:g}" if abs(value) > LARGEST else f"at least {SMALLEST:g}, or 0"
        raise ValueError(f"`{key}` is out of range: {limit} is needed")


def _kinds(annotation: Any) -> frozenset[Any]:
    """The plain types in an annotation: those of its parts, and of the values of a Literal."""
    parts = get_args(annotation)
    if not parts:
        return frozenset({annotation if isinstance(annotation, type) or annotation is Any else type(annotation)})
    return frozenset().union(*map(_kinds, parts))
