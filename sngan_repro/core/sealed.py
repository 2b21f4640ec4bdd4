"""Checksums of result files: a file that was changed after it was written is never used without a message.

A JSON file holds the checksum of its other keys. Other files are listed in a record beside them, which has the format
of the program ``sha256sum``. A file without a checksum, as earlier versions wrote it, is used as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sngan_repro.core.files import ChecksumError, file_sha256, write_json, write_text
from sngan_repro.core.schema import ConfigError

CHECKSUM = "checksum"
"""The key of the checksum in a JSON file."""
RECORD = ".sha256"
"""The suffix of a record of checksums."""


def write_sealed_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON mapping with the checksum of its content, atomically."""
    write_json(path, {**values, CHECKSUM: _checksum(values)})


def opened(values: dict[str, Any]) -> dict[str, Any]:
    """The content of a JSON file without its checksum. Raises :class:`ChecksumError` if the two do not agree."""
    content = {key: value for key, value in values.items() if key != CHECKSUM}
    if CHECKSUM in values and values[CHECKSUM] != _checksum(content):
        raise ChecksumError("its checksum is wrong")
    return content


def _checksum(values: Mapping[str, Any]) -> str:
    plain = json.loads(json.dumps(values))  # as they are after reading: lists in place of tuples, texts as keys
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def write_record(record: Path, files: Iterable[Path]) -> None:
    """Record the SHA-256 of files in the folder of the record. ``sha256sum --check`` can read it."""
    lines = [f"{file_sha256(file)}  {file.name}\n" for file in sorted(files)]
    write_text(record.with_suffix(RECORD), "".join(lines))


def check_recorded(path: Path, remedy: str) -> None:
    """Raise ConfigError if a file is not the one in the records of its folder.

    remedy: what the reader of the message should do. A file that is missing, or in no record, is not checked.
    """
    known = {checksum for record in path.parent.glob(f"*{RECORD}") for checksum in _lines(record).get(path.name, ())}
    if known and path.is_file() and file_sha256(path) not in known:
        raise ConfigError(f"{path}: it has changed since it was written: its checksum is wrong; {remedy}")


def _lines(record: Path) -> dict[str, list[str]]:
    """File name -> checksums in a record. A record that cannot be read has none."""
    found: dict[str, list[str]] = {}
    try:
        for line in record.read_text(encoding="utf-8").splitlines():
            checksum, _, name = line.partition("  ")
            found.setdefault(name, []).append(checksum)
    except (OSError, ValueError):
        return {}
    return found
