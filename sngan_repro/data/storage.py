"""Helpers of fetch and prepare: checksums, files left by killed jobs."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

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


def remove_stale(folder: Path, pattern: str) -> None:
    """Remove temporary files and folders that killed jobs left. Those of a running job are kept."""
    for path in folder.glob(pattern):
        try:
            newest = max(item.stat().st_mtime for item in [path, *path.rglob("*")])
            if time.time() - newest > STALE_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except FileNotFoundError:
            continue  # another job removed it
