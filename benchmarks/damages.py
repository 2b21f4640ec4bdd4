"""Ways to damage a file, each by a fixed rule."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Change = Callable[[Path, random.Random], None]


def emptied(path: Path, rng: random.Random) -> None:
    path.write_bytes(b"")


def cut_in_half(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(count: int) -> Change:
    """Other values for so many bytes. A byte of a JSON file stays printable, so that it often stays JSON."""

    def change(path: Path, rng: random.Random) -> None:
        data = bytearray(path.read_bytes())
        for at in rng.sample(range(len(data)), min(count, len(data))):
            data[at] ^= 1 + rng.randrange(7)
        path.write_bytes(data)

    return change


def replaced(content: bytes) -> Change:
    return lambda path, rng: path.write_bytes(content) and None


def random_bytes(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(max(1, path.stat().st_size)))


def folder_instead(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.mkdir()


def link_to_nothing(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


def in_json(edit: Callable[[dict[str, Any], random.Random], None], sealed: bool) -> Change:
    """An edit of a JSON mapping. sealed: its checksum stays, so that it is wrong; else it is removed."""

    def change(path: Path, rng: random.Random) -> None:
        values = json.loads(path.read_text())
        if not sealed:
            values.pop("checksum", None)
        edit(values, rng)
        path.write_text(json.dumps(values))

    return change


def without_a_key(values: dict[str, Any], rng: random.Random) -> None:
    del values[rng.choice(sorted(values))]


def with_a_wrong_type(values: dict[str, Any], rng: random.Random) -> None:
    key = rng.choice(sorted(values))
    values[key] = [1, {}] if isinstance(values[key], str) else "x"


DAMAGES: dict[str, Change] = {
    "emptied": emptied,
    "cut in half": cut_in_half,
    "one byte": flipped(1),
    "64 bytes": flipped(64),
    "a list": replaced(b"[]"),
    "null": replaced(b"null"),
    "random bytes": random_bytes,
    "a folder": folder_instead,
    "a link to nothing": link_to_nothing,
}
OF_JSON: dict[str, Change] = {
    "a key removed": in_json(without_a_key, sealed=True),
    "a wrong type": in_json(with_a_wrong_type, sealed=True),
    "a key removed, no checksum": in_json(without_a_key, sealed=False),
    "a wrong type, no checksum": in_json(with_a_wrong_type, sealed=False),
}


def damages_of(path: Path) -> dict[str, Change]:
    """The damages that make sense for a file."""
    return {**DAMAGES, **OF_JSON} if path.suffix == ".json" else DAMAGES
