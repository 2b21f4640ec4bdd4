"""The record that a job of the workflow keeps of itself, and the end of its log. No torch.

A command with ``--log FILE`` writes ``FILE`` with the suffix ``.json`` when it starts and when it ends. The record is
no output of a Snakemake rule, since Snakemake deletes the outputs of a failed job. A job that is ended by SIGTERM or
SIGINT is recorded as "interrupted". One that is killed with SIGKILL leaves the state "running".
"""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import re
import signal
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NoReturn

from sngan_repro.config.records import FileModel, read_record
from sngan_repro.core.files import write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.training.progress import INTERRUPTED

JobState = Literal["running", "done", "failed", "interrupted"]

TERMINATED = 128 + signal.SIGTERM
"""The exit code of a command that SIGTERM ends: that of a shell."""
TAIL_BYTES = 16_384
SLACK_SECONDS = 10.0
"""A log that is this much newer than the record of an ended job belongs to the next job."""
FAILURE = re.compile(
    r"Traceback \(most recent call last\)|([\w-]+( [\w-]+)?: )?error: |Fatal Python error: |terminate called"
    r"|.*: (command )?not found$|.*Segmentation fault"
)
"""The start of a line that a shell, a batch system or Python prints when a job ends without a record of that."""


@contextlib.contextmanager
def job_record(log: Path | None) -> Iterator[None]:
    """Record in ``log.with_suffix(".json")`` that the block runs, and how it ends: done, failed or interrupted.

    log: the log file of the job; None: nothing is recorded. An exception is recorded and passes on. SIGTERM raises
    ``SystemExit(143)`` in the block, unless the block handles the signal itself, as a training does.
    """
    if log is None:
        yield
        return
    with _sigterm_raises():
        yield from _recorded(log)


def _recorded(log: Path) -> Iterator[None]:
    _write(log, "running")
    try:
        yield
    except SystemExit as error:
        if error.code in (None, 0):
            _write(log, "done")
        elif error.code == TERMINATED:
            _write(log, "interrupted", "SIGTERM")
        else:
            _write(log, "interrupted" if error.code == INTERRUPTED else "failed", f"exit code {error.code}")
        raise
    except KeyboardInterrupt:
        _write(log, "interrupted", "SIGINT")
        raise
    except BaseException as error:
        _write(log, "failed", _one_line(error))
        raise
    _write(log, "done")


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield
        return

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(TERMINATED)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _one_line(error: BaseException) -> str:
    if isinstance(error, ConfigError):
        return f"error: {error}".splitlines()[0]
    return traceback.format_exception_only(error)[0].splitlines()[0]


def _write(log: Path, state: JobState, reason: str | None = None) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    record = {"state": state, "reason": reason, "time": now, "host": platform.node(), "pid": os.getpid()}
    with contextlib.suppress(OSError):  # a full disk must not end a job that could go on
        write_json(log.with_suffix(".json"), record)


@dataclass(frozen=True)
class Job:
    """The last job that wrote to a log. Times are those of the files, in seconds of the epoch."""

    log: Path
    state: JobState
    reason: str
    """Why it failed or was interrupted, in one line; without a record the last line of the log."""
    time: float
    """When the log or the record was last written."""
    started: float
    """When a running job started; without a record the time of the log."""
    recorded: bool
    """True if the state is that of a record. Without one, a job runs unless its log ends with words of a failure."""
    host: str | None = None
    pid: int | None = None
    """The machine and the process of the job; None without a record."""


def read_job(log: Path) -> Job | None:
    """The last job that wrote to this log, or None if there is no such file. Nothing is locked or written."""
    lines, log_time = _tail(log)
    if lines is None:
        return None
    record, recorded_at = read_json_file(log.with_suffix(".json"), JobFile)
    if record is not None and record["state"] != "running" and log_time > recorded_at + SLACK_SECONDS:
        record = None  # the shell of the next job has emptied the log
    last_line = lines[-1] if lines else ""
    state: JobState = record["state"] if record else "running"
    if state == "running" and any(FAILURE.match(line) for line in lines):
        return Job(log, "failed", last_line, log_time, log_time, recorded=False)
    if record is None:
        return Job(log, "running", last_line, log_time, log_time, recorded=False)
    reason, process = record["reason"] or last_line, (record.get("host"), record.get("pid"))
    return Job(log, state, reason, max(log_time, recorded_at), recorded_at, True, *process)


class JobFile(FileModel):
    """The record of a job."""

    state: JobState
    reason: str | None
    time: str = ""
    host: str = ""
    pid: int = 0


def read_json_file(path: Path, model: type[FileModel]) -> tuple[dict[str, Any] | None, float]:
    """(content, time of the last change) of a JSON file that may vanish at any time; (None, 0) if it is not there.

    The content is None, too, if the file is damaged.
    """
    try:
        changed = path.stat().st_mtime
        return read_record(model, path, ""), changed
    except (OSError, ConfigError):
        return None, 0.0


def _tail(path: Path) -> tuple[tuple[str, ...] | None, float]:
    """(the last lines, time of the last change) of a log; (None, 0) without it."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - TAIL_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
            time = os.fstat(stream.fileno()).st_mtime
    except OSError:
        return None, 0.0
    # Progress bars use carriage returns. Control characters would change the reader's terminal.
    lines = ("".join(c if c.isprintable() else " " for c in line).rstrip() for line in re.split(r"[\r\n]+", text))
    return tuple(line for line in lines if line), time
