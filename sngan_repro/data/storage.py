"""Small helpers of fetching and preparing: checksums, readable disk errors, leftovers of killed jobs."""

from __future__ import annotations

import errno
import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sngan_repro.core.schema import ConfigError

STALE_SECONDS = 3600.0
"""A temporary file untouched for so long belongs to nobody."""


def file_digests(path: Path) -> tuple[str, str]:
    """(MD5, SHA-256) of a file in hexadecimal, in one reading. MD5 only because published checksums are MD5."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            md5.update(block)
            sha256.update(block)
    return md5.hexdigest(), sha256.hexdigest()


@contextmanager
def readable_disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk, an exceeded quota or a missing permission into a ConfigError that names the place."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ConfigError(
                f"{folder}: no space left ({error.strerror}); make room, or set another `data_dir` in "
                "config/config.yaml"
            ) from None
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise ConfigError(f"{error.filename or folder}: {error.strerror}; check its permissions") from None
        raise


def remove_stale(folder: Path, pattern: str) -> None:
    """Remove temporary files and folders that a killed job left, never those that a running one still writes."""
    for path in folder.glob(pattern):
        try:
            newest = max(item.stat().st_mtime for item in [path, *path.rglob("*")])
            if time.time() - newest > STALE_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except FileNotFoundError:
            continue  # its owner was faster
