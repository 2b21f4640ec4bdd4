"""Atomic writes: a file is either complete or absent, whatever kills the process or fills the disk."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import numpy as np


TEMPORARY = re.compile(r"\..+-[a-z0-9_]{8}(\.\w+)?")
"""Names that :func:`atomic_path` gives to unfinished files."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that replaces ``path`` when the block ends without an error.

    The suffix is kept, since libraries choose formats by it. On an error the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files private
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> None:
    """Remove what killed processes left of :func:`atomic_path` below a folder that nobody else writes to."""
    for path in folder.rglob(".*"):
        if TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink()


def tree_stamp(folder: Path) -> str:
    """A digest of names, sizes and times of all files below a folder: it changes when the content may have."""
    entries = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            facts = path.stat()
            entries.append(f"{path.relative_to(folder)} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16]


@contextmanager
def file_lock(path: Path, wait: bool) -> Iterator[TextIO]:
    """Hold a lock file; it is released with the process, also when that is killed.

    Raises BlockingIOError when another process holds it and ``wait`` is false; the file tells who.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        stream.truncate(0)
        yield stream


def process_name() -> str:
    """Slurm job if any, host and process id, for lock files and messages."""
    job = os.environ.get("SLURM_JOB_ID")
    return f"{f'Slurm job {job}, ' if job else ''}{platform.node()} process {os.getpid()}"


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically. NaN and infinity are refused: a missing number is null."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_npy(path: Path, array: np.ndarray) -> None:
    """Write one array atomically."""
    import numpy

    with atomic_path(path) as temporary:
        numpy.save(temporary, array, allow_pickle=False)


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
