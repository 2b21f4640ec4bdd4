"""``dataset.json`` of prepared images. No numpy here: planning reads it, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sngan_repro.config.data_records import PreparedFile
from sngan_repro.config.records import read_record
from sngan_repro.config.specs import DatasetSpec

NAME = "dataset.json"


def read_dataset(folder: Path) -> dict[str, Any]:
    """The record of the prepared images in a folder. Raises ConfigError with the remedy if it is damaged."""
    return read_record(PreparedFile, folder / NAME, f"delete the folder {folder} and run again: it is prepared anew")


def read_prepared(folder: Path) -> dict[str, Any] | None:
    """:func:`read_dataset`, or None if nothing is prepared in the folder yet."""
    return read_dataset(folder) if (folder / NAME).exists() else None


def is_current(folder: Path, spec: DatasetSpec, stamp: str) -> bool:
    """True if the images in a folder were prepared from this specification and from files with this stamp."""
    found = read_prepared(folder)
    return found is not None and found.get("spec_digest") == spec.digest() and found.get("source_stamp", "") == stamp
