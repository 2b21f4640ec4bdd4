"""Files: atomic writes, locks, checksums. A file is complete or absent, even if the process is killed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sngan_repro.core.disk import DiskError, disk_error, disk_errors
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    import numpy as np


TEMPORARY = re.compile(r"\..+-[a-z0-9_]{8}(\.\w+)?")
"""Names of the temporary files of :func:`atomic_path`."""
_umask_lock = threading.Lock()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder. It replaces ``path`` if the block ends without an error, else it is removed.

    It has the same suffix, since some libraries choose the format by it. Raises DiskError if the disk is full or the
    folder cannot be written.
    """
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            raise DiskError(f"{path}: a folder is in the place of a file; remove it and run again")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files private
        temporary.replace(path)
    except ConfigError:
        raise
    except Exception as error:
        if (reason := disk_error(error, path.parent, temporary)) is not None:
            raise reason from None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The process's umask. It can only be read by setting it, so one thread at a time does so."""
    with _umask_lock:
        umask = os.umask(0)
        os.umask(umask)
    return umask


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder that something else has put in its place; nothing if it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> None:
    """Remove temporary files of :func:`atomic_path` that killed processes left. No other process may use the folder."""
    for path in folder.rglob(".*"):
        if TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink()


UNSUPPORTED = "file locks are needed (fcntl): Linux and macOS are supported, Windows with WSL"
"""The message on a system that this package does not support."""


class LockedError(Exception):
    """Another process holds a lock file. The message is its :func:`process_name`."""


@contextmanager
def file_lock(path: Path, wait: bool) -> Iterator[None]:
    """Hold a lock file until the end of the block, or until the process ends or is killed.

    If another process holds it, wait for it (``wait``) or raise :class:`LockedError`. Raises ConfigError on a system
    or a file system without locks.
    """
    try:
        import fcntl  # noqa: F401
    except ImportError:  # filelock would use a file that stays when the process is killed
        raise ConfigError(UNSUPPORTED) from None
    from filelock import FileLock, Timeout

    try:
        with disk_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path, timeout=-1 if wait else 0, fallback_to_soft=False)
            lock.acquire()
    except Timeout:
        raise LockedError(path.read_text(encoding="utf-8", errors="replace")) from None
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            raise ConfigError(
                f"{path}: the file system has no locks ({error.strerror}), which are needed; "
                "set `results_dir` and `data_dir` in config/config.yaml to folders on another one (of Lustre: mounted "
                "with the option flock)"
            ) from None
        raise
    try:
        path.write_text(process_name(), encoding="utf-8")
        yield
    finally:
        lock.release()


class ChecksumError(Exception):
    """A file does not end with the SHA-256 of its content."""


SEAL = b"\nSHA-256 "
"""Stands before the checksum at the end of a file of :func:`append_sha256`."""


def append_sha256(path: Path) -> None:
    """Append the SHA-256 of a file to its end."""
    seal = SEAL + file_sha256(path).encode()
    with path.open("ab") as stream:
        stream.write(seal)


def read_with_sha256(path: Path) -> bytes:
    """The content of a file before the checksum at its end. Raises :class:`ChecksumError` if they do not agree."""
    data = path.read_bytes()
    content, seal = data[: -len(SEAL) - 64], data[-len(SEAL) - 64 :]
    if seal[: len(SEAL)] != SEAL:
        raise ChecksumError("it has no checksum at its end; it was cut short, or an earlier version wrote it")
    if hashlib.sha256(content).hexdigest().encode() != seal[len(SEAL) :]:
        raise ChecksumError("its checksum is wrong")
    return content


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


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file. Raises ConfigError for a device or a pipe, which may never end, and for a huge file.

    limit: bytes.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise ConfigError(
                    f"{path}: not a regular file, so it is not read; give another one, or remove it from its folder"
                )
            if facts.st_size > limit:
                raise ConfigError(size_message(str(path), facts.st_size, limit))
            return stream.read(limit)
    except OSError as error:
        raise _unreadable(path, error) from None


def check_regular(path: Path) -> None:
    """Raise ConfigError if an existing path is no regular file, such as a pipe: reading it might never end."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(mode):
        raise ConfigError(
            f"{path}: not a regular file, so it is not read; give another one, or remove it from its folder"
        )


def _open_without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # opening a pipe would wait for its other end


def size_message(where: str, size: int, limit: int) -> str:
    """The message for a file above a limit."""
    return f"{where}: {size:,} bytes; at most {limit:,} are read"


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises :class:`DiskError` with a remedy if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> DiskError:
    """The message for a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return DiskError(f"{path}: no such file{' (a link to nothing)' * path.is_symlink()}; run again")
    remedy = "check the permissions" if isinstance(error, PermissionError) else "remove it and run again"
    return DiskError(f"{path}: cannot be read: {error.strerror}; {remedy}")
