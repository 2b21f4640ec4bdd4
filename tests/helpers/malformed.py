"""YAML files with mistakes of any kind, made by a fixed rule."""

from __future__ import annotations

import copy
import random
from typing import Any

import yaml

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 10**9, 10**30, -(10**30), 2**32 - 1, 0.5, 1e-300, 1e308, float("inf"), float("nan"),
    "", " ", "x", "x" * 100_000, "\x00\x1b[31mred\x07", "\U0001f600", "../..", "/dev/zero", "{a}", "-x", "~", "1e5",
    "1_000", "<script>", "a\nb", [], [None], [1, "a", {}], {}, {"a": 1}, {1: 2}, [[[[]]]], "2024-02-30",
    "x" * 300 + ".yaml", "~no_such_user/x",
]  # fmt: skip
TEXTS = [
    "c0: &c0 [x]\n" + "".join(f"c{i}: &c{i} [{', '.join([f'*c{i - 1}'] * 9)}]\n" for i in range(1, 10)),  # 9^9 values
    "a: &a [*a]\n",
    "? [1, 2]\n: 3\n",
    "? {a: 1}\n: 3\n",
    "budget: {steps: !!int abc}\n",
    "title: !!timestamp 2024-02-30\n",
    "title: 2024-02-30\n",
    "seeds: [" + "9" * 5000 + "]\n",
    "[" * 400 + "]" * 400 + "\n",
    "a: " + "[" * 200_000 + "\n",
    "title: !!python/object:os.system x\n",
    "title: 'a\n",
    "title: \"\\x07\\x1b\"\n",
    "\x00",
    "- 1\n",
    "a: 1\na: 2\n",
    "<<: {title: abc}\n",
    "<<: [1]\n",
    "title: *unknown\n",
    "\t- x\n",
    "%YAML 9.9\n---\na: 1\n",
    "--- a\n--- b\n",
    "title: !!binary x\n",
    "title: !!set {a, b}\n",
    "" ,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a file."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, part in items for inner in places(part, (*path, key)))]


def mutated(base: dict[str, Any], rng: random.Random) -> str:
    """A file with one to three changes, as YAML, or a text that is no such file."""
    if rng.random() < 0.1:
        return rng.choice(TEXTS) + (yaml.safe_dump(base) if rng.random() < 0.5 else "")
    changed = copy.deepcopy(base)
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(places(changed)[1:])
        parent: Any = changed
        for key in path[:-1]:
            parent = parent[key]
        kind = rng.random()
        if kind < 0.6:
            parent[path[-1]] = copy.deepcopy(rng.choice(VALUES))
        elif kind < 0.75:
            del parent[path[-1]]
        elif isinstance(parent, dict):
            name = rng.choice([f"{path[-1]}x", "added", 7, None, True, "x" * 5000, "\x1b", "a.b"])
            parent[name] = copy.deepcopy(rng.choice(VALUES))
        else:
            parent.append(copy.deepcopy(rng.choice(VALUES)))
    text = yaml.safe_dump(changed, allow_unicode=True)
    if rng.random() < 0.1:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(["\x00", "{", "[", ":", "\t", "&a ", "*a ", "'", "%", "\ud800"]) + text[at:]
    return text
