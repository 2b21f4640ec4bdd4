"""Files: atomic writes, locks, checksums. A file is complete or absent, even if the process is killed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    import numpy as np


TEMPORARY = re.compile(r"\..+-[a-z0-9_]{8}(\.\w+)?")
"""Names of the temporary files of :func:`atomic_path`."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder. It replaces ``path`` if the block ends without an error, else it is removed.

    It has the same suffix, since some libraries choose the format by it.
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
    """Remove temporary files of :func:`atomic_path` that killed processes left. No other process may use the folder."""
    for path in folder.rglob(".*"):
        if TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink()


def tree_stamp(folder: Path) -> str:
    """A digest of the names, sizes and modification times of all files below a folder, 16 hex digits."""
    entries = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            facts = path.stat()
            entries.append(f"{path.relative_to(folder)} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16]


class LockedError(Exception):
    """Another process holds a lock file. The message is its :func:`process_name`."""


@contextmanager
def file_lock(path: Path, wait: bool) -> Iterator[None]:
    """Hold a lock file until the end of the block, or until the process ends or is killed.

    If another process holds it, wait for it (``wait``) or raise :class:`LockedError`. Raises ConfigError on a file
    system without locks.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=-1 if wait else 0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(path.read_text(encoding="utf-8")) from None
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            raise ConfigError(f"{path}: the file system has no locks ({error.strerror}); use another one") from None
        raise
    try:
        path.write_text(process_name(), encoding="utf-8")
        yield
    finally:
        lock.release()


def process_name() -> str:
    """Slurm job (if any), host and process id, for lock files and messages."""
    job = os.environ.get("SLURM_JOB_ID")
    return f"{f'Slurm job {job}, ' if job else ''}{platform.node()} process {os.getpid()}"


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically. Raises ValueError for NaN and infinity; a missing number is null."""
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
