"""Keys of a study that one command replaces: ``--set budget.steps=50``. No torch here.

A key is a path into the study file. Its parts are joined by dots. A part is a key of a mapping; in a list it is a
position, or the label, name or evaluator of an entry. The changed study has a name of its own, so the results of the
study as in its file stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from sngan_repro.config.records import check_record, read_json_record
from sngan_repro.config.specs import MAX_LABEL, Label
from sngan_repro.core.schema import ConfigError, Model, require_known, text_digest
from sngan_repro.core.yaml_files import parse_yaml

MAX_SUFFIX = 60
"""Characters that the changes may add to the name of a study. Longer ones become a digest."""
MAX_STUDY = MAX_LABEL + MAX_SUFFIX
STUDY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.+=,-]*$"
PLAIN = re.compile(r"[A-Za-z0-9_.+,-]+")
"""A key or a value that may be part of the name of a folder. A name of a study file has no ``=``."""
FREE_NAMES = ("datasets", "settings")
"""Keys of a study file with names that the file chooses. A path into another name there is a mistake."""


class Change(Model):
    """One key whose value differs from that of the study file."""

    key: str = Field(description="path of the key, its parts joined by dots")
    value: str = Field(description="the value in use, YAML in one line")
    before: str | None = Field(None, description="the value in the file; null: the file does not have the key")

    @property
    def text(self) -> str:
        """The change as it is given on the command line."""
        return f"{self.key}={self.value}"


class Changed(Model):
    """The study file of a changed study, and its changes, sorted by key."""

    study: Label = Field(description="the name of the file")
    changes: tuple[Change, ...]

    @property
    def texts(self) -> list[str]:
        """``KEY=VALUE`` of each change."""
        return [change.text for change in self.changes]

    @property
    def name(self) -> str:
        """The name of the changed study, such as ``quick+budget.steps=50``. It does not depend on the order given.

        A value that cannot be part of a folder's name is replaced by its digest, and all changes by theirs if the name
        would be too long.
        """
        suffix = "".join(f"+{change.key}={_name_part(change.value)}" for change in self.changes)
        if len(suffix) > MAX_SUFFIX or not all(PLAIN.fullmatch(change.key) for change in self.changes):
            suffix = f"+set={text_digest(chr(10).join(self.texts))[:8]}"
        return self.study + suffix


def change_values(values: dict[str, Any], given: Sequence[str]) -> tuple[dict[str, Any], tuple[Change, ...]]:
    """(a copy of the values of a study file with the given keys replaced, the changes sorted by key).

    given: ``KEY=VALUE`` each; a value is YAML. A key that the file does not have is added; it is checked when a study
    is made of the values. Raises ConfigError for other mistakes.
    """
    changed, changes = _copy(values), list[Change]()
    for text in given:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not all(key.split(".")):
            raise ConfigError(f"set: KEY=VALUE is needed, such as budget.steps=50; found '{text}'")
        try:
            new = parse_yaml(value)
            changes.append(Change(key=key, value=_text(new), before=_replace(changed, key, new)))
        except ConfigError as error:
            raise ConfigError(f"set: {key}: {error}") from None
    for one, other in combinations(sorted(change.key for change in changes), 2):
        if f"{other}.".startswith(f"{one}."):
            what = "is given twice" if one == other else f"contains '{other}'; change only one of them"
            raise ConfigError(f"set: the key '{one}' {what}")
    return changed, tuple(sorted(changes, key=lambda change: change.key))


def recorded_changes(file: Path) -> Changed:
    """The changes that the results of a study record. Raises ConfigError with the file if it is damaged."""
    remedy = "run the study again with its changes: they are given as --set, and as set= to Snakemake"
    return check_record(Changed, read_json_record(file, remedy), file, remedy)


def _copy(value: Any) -> Any:
    """A copy without shared parts: an alias in YAML gives one mapping in two places."""
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


def _replace(values: dict[str, Any], key: str, new: Any) -> str | None:
    """Set the value at a key. Returns the text of the old value, or None if there was none."""
    container: Any = values
    parts, path = key.split("."), list[str]()
    while True:
        place, number = _place(container, parts)
        path, parts = path + parts[:number], parts[number:]
        known = isinstance(container, list) or place in container
        before = container[place] if known else None
        if not parts:
            container[place] = new
            return _text(before) if known else None
        if before is None:
            if path[0] in FREE_NAMES and len(path) == 2:
                require_known(f"name in `{path[0]}`", path[1], [str(name) for name in container])
            before = {}
        elif isinstance(before, str) and path[0] == "methods" and len(path) == 2:
            before = {"name": before}
        elif not isinstance(before, dict | list):
            raise ConfigError(f"`{'.'.join(path)}` has no keys; its value is {_text(before)}")
        container[place] = before
        container = before


def _place(container: dict[Any, Any] | list[Any], parts: list[str]) -> tuple[Any, int]:
    """(the key or position of the next value, how many parts of the path name it): a label may contain dots.

    A new key of a mapping is one part.
    """
    places: dict[str, list[Any]] = {}
    if isinstance(container, dict):
        places = {str(key): [key] for key in container}
    else:
        for place, entry in enumerate(container):
            places.setdefault(_name(entry), []).append(place)
        places |= {str(place): [place] for place in range(len(container))}
    for number in range(len(parts), 0, -1):
        name = ".".join(parts[:number])
        if len(found := places.get(name, [])) > 1:
            raise ConfigError(f"several entries are called '{name}'; give a position: {found}")
        if found:
            return found[0], number
    if isinstance(container, list):
        require_known("entry", parts[0], [name for name in places if name])
    return parts[0], 1


def _name(entry: Any) -> str:
    """The name of an entry of a list; empty if it has none."""
    if isinstance(entry, str):
        return entry
    keys = [key for key in ("label", "name", "evaluator") if isinstance(entry, dict) and key in entry]
    return str(entry[keys[0]]) if keys else ""


def _text(value: Any) -> str:
    """A value as YAML in one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**9, sort_keys=False, allow_unicode=True)
    text = text.removesuffix("...\n").strip()
    return text if "\n" not in text else json.dumps(value, default=str, ensure_ascii=False)


def _name_part(value: str) -> str:
    """A value in the name of a folder: itself, a list as ``0,1``, or a digest."""
    part = value.removeprefix("[").removesuffix("]").replace(", ", ",")
    return part if PLAIN.fullmatch(part) else text_digest(value)[:8]
