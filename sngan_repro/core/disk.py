"""Messages for full disks, limits of file sizes and missing permissions."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sngan_repro.core.schema import ConfigError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
PROBE = bytes(1 << 16)


class DiskError(ConfigError, OSError):
    """A file cannot be written. The message names the folder and the remedy."""


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Raise :class:`DiskError` for a full disk, an exceeded limit or a missing permission below a folder."""
    try:
        yield
    except ConfigError:
        raise
    except OSError as error:
        raise disk_error(error, folder) or error from None


def disk_error(error: BaseException, folder: Path, written: Path | None = None) -> DiskError | None:
    """The message for an error while a file was written; None for an error of another kind.

    written: the file, as far as it was written. Libraries report a full disk by errors of their own, so a little more
    is written to it, to see whether that is the reason.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number not in FULL + FORBIDDEN and written is not None:
        number = _why_not(written)
    if number in FULL:
        why = {errno.EDQUOT: ": the quota is used up", errno.EFBIG: ": a file has reached the limit `ulimit -f`"}
        reason = f"no space left{why.get(number or 0, '')}"
        return DiskError(
            f"{folder}: {reason} ({_sizes(folder, written)}); make room, or set another `data_dir` or `results_dir` in "
            "config/config.yaml; then run the same command again"
        )
    if number in FORBIDDEN:
        name = getattr(error, "filename", None) or folder
        return DiskError(f"{name}: cannot be used: {os.strerror(number or 0)}; check the permissions of {folder}")
    return None


def _why_not(written: Path) -> int | None:
    """The number of the error when more is appended to a file; None if it can be written."""
    try:
        with written.open("ab") as stream:
            stream.write(PROBE)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return error.errno
    return None


def _sizes(folder: Path, written: Path | None) -> str:
    try:
        free = f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free"
        return free if written is None else f"{free}, more than {written.stat().st_size / 1e6:,.1f} MB are needed"
    except OSError:
        return "it cannot be measured how much is free"
