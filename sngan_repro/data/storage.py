"""Helpers of fetch and prepare: checksums, messages for disk errors, files left by killed jobs."""

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
"""A temporary file that has not changed for so long belongs to no running job."""


def file_digests(path: Path) -> tuple[str, str]:
    """(MD5, SHA-256) of a file in hexadecimal. MD5 is needed because published checksums are MD5."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            md5.update(block)
            sha256.update(block)
    return md5.hexdigest(), sha256.hexdigest()


@contextmanager
def readable_disk_errors(folder: Path) -> Iterator[None]:
    """Raise a ConfigError with the path for a full disk, an exceeded quota or a missing permission."""
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
    """Remove temporary files and folders that killed jobs left. Those of a running job are kept."""
    for path in folder.glob(pattern):
        try:
            newest = max(item.stat().st_mtime for item in [path, *path.rglob("*")])
            if time.time() - newest > STALE_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except FileNotFoundError:
            continue  # another job removed it
