"""Checksums of large files, computed again only after the file may have changed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from sngan_repro.core.files import file_sha256, write_json

NAME = "verified.json"
"""Beside the files: name -> checksum, and the size, times and inode that the file had when it was computed."""


def sha256_of(path: Path, anew: bool = False) -> str:
    """The SHA-256 of a file. It is computed if the size, a time or the inode has changed since it was last computed.

    anew: compute it in any case. An edit in place changes the time of the last status change, which no program can set.
    """
    record, facts = path.parent / NAME, _facts(path)
    known = _known(record)
    if not anew and (entry := known.get(path.name)) and entry.get("facts") == facts and "sha256" in entry:
        return str(entry["sha256"])
    sha256 = file_sha256(path)
    if _facts(path) == facts:
        keep_sha256(path, sha256, facts)
    return sha256


def has_sha256(path: Path, expected: str, anew: bool = False) -> bool:
    """True if a file has this checksum. It is computed in any case before the answer is False."""
    return sha256_of(path, anew) == expected or (not anew and sha256_of(path, anew=True) == expected)


def keep_sha256(path: Path, sha256: str, facts: list[int] | None = None) -> None:
    """Record the checksum of a file that was just computed. Without a permission to write, it is computed each time."""
    record = path.parent / NAME
    with contextlib.suppress(OSError):
        write_json(record, {**_known(record), path.name: {"sha256": sha256, "facts": facts or _facts(path)}})


def _facts(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _known(record: Path) -> dict[str, dict[str, object]]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(entry, dict) for entry in found.values()) else {}
