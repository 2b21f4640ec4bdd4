"""Locks of a workflow: one Snakemake per study, and no locks that a killed Snakemake left."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sngan_repro.core.files import LockedError, file_lock, process_name, write_text
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.layout import Layout

SNAKEMAKE_LOCKS = Path(".snakemake/locks")
"""Snakemake's own locks. They stay when it is killed, and the next one then refuses to start."""


def last_worker(layout: Layout) -> str:
    """A text that changes whenever a Snakemake begins to work on the study; empty before the first."""
    try:
        return _worker_file(layout).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


@contextmanager
def study_lock(layout: Layout, planned_after: str | None = None) -> Iterator[bool]:
    """Lock a study for this process: two Snakemakes would make every file twice, and delete each other's.

    The lock ends with the process, also if that is killed. planned_after: :func:`last_worker` when the plan of this
    process was made. Yields True if the plan is out of date: another Snakemake has worked on the study in between.
    Raises ConfigError if another process holds the lock.
    """
    try:
        with file_lock(layout.root / ".lock", wait=False):
            outdated = planned_after is not None and last_worker(layout) != planned_after
            write_text(_worker_file(layout), f"{process_name()}, {time.time_ns()}\n")
            yield outdated
    except LockedError as holder:
        raise ConfigError(
            f"{layout.root}: another Snakemake works on this study, {holder}; wait for it, or stop it"
        ) from None


def _worker_file(layout: Layout) -> Path:
    return layout.root / ".worker"


def share_folder(locks: Path = SNAKEMAKE_LOCKS) -> IO[str] | None:
    """Mark the working folder as in use by this process, and remove Snakemake's locks if no other process uses it.

    The mark is a shared lock of the operating system, which ends with the process. Keep the returned file open. None
    where there are no such locks; then Snakemake's locks stay, and its own message says how to remove them.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        locks.parent.mkdir(exist_ok=True)
        mark = (locks.parent / "in_use").open("w", encoding="utf-8")
    except OSError:
        return None
    try:
        with suppress(BlockingIOError):  # another one lives
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(locks, ignore_errors=True)
        fcntl.flock(mark, fcntl.LOCK_SH)
    except OSError:
        mark.close()
        return None
    return mark
