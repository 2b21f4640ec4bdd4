"""Reading of YAML from users: a mapping, within limits of size, depth and aliases; every mistake is one message."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from sngan_repro.core.files import read_regular
from sngan_repro.core.schema import ConfigError

MAX_BYTES = 1 << 20
"""The largest YAML file."""
MAX_DEPTH = 20
"""Mappings and lists inside each other. A study has 6."""
MAX_VALUES = 100_000
"""Values of a file, those that an alias repeats included."""
MERGE = "tag:yaml.org,2002:merge"

_BASE: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is 10x faster


class StrictLoader(_BASE):
    """A YAML loader that refuses a key given twice in one mapping, and keys that are no plain values.

    Other loaders keep the last of two equal keys silently.
    """


def _mapping(loader: Any, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"line {line}: a list or a mapping cannot be a key")
        key = key_node.value if key_node.tag == MERGE else loader.construct_object(key_node, deep=True)
        if key in seen:
            raise ConfigError(f"line {line}: the key '{key}' is given twice in one mapping")
        seen.add(key)
    loader.flatten_mapping(node)
    found = {loader.construct_object(key, deep=True): loader.construct_object(value, deep) for key, value in node.value}
    return found


def _whole_mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    return _mapping(loader, node, deep=True)


StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _whole_mapping)


def parse_yaml(text: str) -> Any:
    """The values in a YAML text. Raises ConfigError with the line of a mistake."""
    try:
        _check_limits(text)
        return yaml.load(text, Loader=StrictLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}") from None
    except (ValueError, TypeError, OverflowError, RecursionError, AttributeError, LookupError) as error:
        raise ConfigError(f"not valid YAML: {error or type(error).__name__}") from None  # `!!int abc`, 30 February


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises :class:`ConfigError` with the file if it is missing, not YAML, beyond a limit, or not a mapping.
    """
    if not os.path.lexists(path):  # also of a name that is too long
        raise ConfigError(f"{path}: no such file")
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not valid YAML: not UTF-8 ({error.reason} at byte {error.start})") from None
    try:
        content = parse_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, found {type(content).__name__}")
    return content


def _check_limits(text: str) -> None:
    """Raise ConfigError if a text is nested too deeply, or has too many values when its aliases are written out.

    It looks at the events of the parser, which do not nest: a deep text would end the process in the loader.
    """
    open_nodes: list[tuple[str | None, int]] = []  # (anchor, values before it)
    sizes: dict[str, int] = {}
    values = 0
    for event in yaml.parse(text, Loader=_BASE):
        line = event.start_mark.line + 1 if event.start_mark is not None else 0
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            if anchor is None or anchor not in sizes:
                raise ConfigError(f"line {line}: the alias '*{anchor}' stands inside of its own value, or has none")
            values += sizes[anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            values += 1
            open_nodes.append((anchor, values - 1))
            if anchor is not None:
                sizes.pop(anchor, None)
            if len(open_nodes) > MAX_DEPTH:
                raise ConfigError(f"line {line}: more than {MAX_DEPTH} lists and mappings inside each other")
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = open_nodes.pop()
            if name is not None:
                sizes[name] = values - before
        elif isinstance(event, yaml.ScalarEvent):
            values += 1
            if anchor is not None:
                sizes[anchor] = 1
        if values > MAX_VALUES:
            raise ConfigError(f"line {line}: more than {MAX_VALUES:,} values, those that aliases repeat included")
