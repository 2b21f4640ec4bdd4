"""The training log: one row per generator update, gathered on the device and written to disk in batches."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
import torch
from torch import Tensor

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import atomic_path
from sngan_repro.core.text import duration
from sngan_repro.training.writer import HostCopy

NUM_LOSSES = 2
"""The first names of a row: the losses of D and G."""


class Rows(NamedTuple):
    """Rows of a log that are on their way to the host."""

    steps: np.ndarray
    """float64 (rows,)"""
    values: HostCopy
    """Of a float32 tensor (rows, names)."""

    def first_non_finite(self) -> tuple[int, int] | None:
        """(update, number of the column among the names) of the first loss that is not finite. Waits for the device."""
        bad = np.argwhere(~np.isfinite(self.values.get().numpy()[:, :NUM_LOSSES]))
        return (int(self.steps[bad[0, 0]]), int(bad[0, 1])) if len(bad) else None


class TrainLog:
    """Rows of named numbers. ``add`` and ``take`` never synchronise with the device; ``write`` puts rows on the disk.

    Rows are appended to ``resume/log.f64`` (float64), so a kill loses only the rows after the last saved state. The
    number of valid rows is part of that state. Columns: step, the logged names, images_per_second. The first NUM_LOSSES
    names are losses. A thread may write rows while others are added.
    """

    def __init__(self, run: RunPaths, device: torch.device) -> None:
        self.path = run.resume / "log.f64"
        self.device = device
        self.columns: list[str] = []
        self.num_rows = 0
        self._sha256 = hashlib.sha256()
        self._steps: list[int] = []
        self._gathered = torch.empty(0, device=device)  # (room, names), filled as far as there are steps

    def add(self, step: int, names: list[str], numbers: Tensor) -> None:
        """Keep one row, float32 (names,); every row must have the same names, in the same order."""
        if not self.columns:
            self.columns = ["step", *names, "images_per_second"]
        if len(self._steps) == len(self._gathered):
            room = torch.empty((max(64, 2 * len(self._steps)), len(numbers)), device=self.device)
            room[: len(self._steps)] = self._gathered[: len(self._steps)] if self._steps else 0
            self._gathered = room
        self._gathered[len(self._steps)].copy_(numbers)
        self._steps.append(step)

    def losses_are_finite(self) -> Tensor:
        """bool () on the device: True if all losses of the gathered rows are finite."""
        if not self._steps:
            return torch.ones((), dtype=torch.bool, device=self.device)
        return self._gathered[: len(self._steps), :NUM_LOSSES].isfinite().all()

    def take(self) -> Rows | None:
        """The gathered rows, which are no longer gathered then; None if there are none."""
        if not self._steps:
            return None
        rows = Rows(np.array(self._steps, dtype=np.float64), HostCopy(self._gathered[: len(self._steps)]))
        self._steps.clear()
        return rows

    def write(self, rows: Rows, images_per_second: float) -> np.ndarray:
        """Write rows to the disk and return them: float64 (rows, columns), the columns as in ``columns``."""
        steps, values = rows.steps[:, None], rows.values.get().numpy().astype(np.float64)
        table = np.hstack([steps, values, np.full_like(steps, images_per_second)])
        with self.path.open("ab") as stream:
            stream.write(table.tobytes())
            stream.flush()
            os.fsync(stream.fileno())
        self.num_rows += len(table)
        self._sha256.update(table.tobytes())
        return table

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` needs: names, number of rows and checksum of the written rows."""
        return {"columns": self.columns, "num_rows": self.num_rows, "sha256": self._sha256.hexdigest()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue a log: rows written after the saved state are cut off. Raises OSError if it is damaged."""
        size = state["num_rows"] * len(state["columns"]) * 8
        if not self.path.exists():
            self.path.touch()
        with self.path.open("r+b") as stream:
            stream.truncate(min(size, self.path.stat().st_size))
            rows = stream.read()
        self._sha256 = hashlib.sha256(rows)
        if len(rows) != size or self._sha256.hexdigest() != state["sha256"]:
            raise OSError(f"{self.path}: damaged, or shorter than the saved state says")
        self.columns, self.num_rows = state["columns"], state["num_rows"]

    def rows(self) -> np.ndarray:
        """All written rows, float64 (rows, columns)."""
        if not self.num_rows:
            return np.empty((0, len(self.columns)))
        return np.fromfile(self.path, dtype=np.float64).reshape(-1, len(self.columns))


def import_writers() -> None:
    """Import what the writers of this module import at their first use.

    Several threads that import a package for the first time at once can see modules that are only half imported.
    """
    import tensorboard.compat.proto.event_pb2
    import tensorboard.compat.proto.summary_pb2
    import tensorboard.summary.writer.event_file_writer  # noqa: F401


def write_parquet(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write columns of equal length, numbers or texts (dtype object), to a Parquet file, atomically."""
    import pyarrow
    import pyarrow.parquet

    def column(values: np.ndarray) -> pyarrow.Array:
        """As ``pyarrow.array``, which would import pandas to ask whether this is a pandas series."""
        if values.dtype == object:
            texts = [text.encode() for text in values]
            ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
            return pyarrow.StringArray.from_buffers(
                len(texts), pyarrow.py_buffer(ends), pyarrow.py_buffer(b"".join(texts))
            )
        buffer = pyarrow.py_buffer(np.ascontiguousarray(values))
        return pyarrow.Array.from_buffers(pyarrow.from_numpy_dtype(values.dtype), len(values), [None, buffer])

    table = pyarrow.table({name: column(values) for name, values in columns.items()})
    with atomic_path(path) as temporary:
        pyarrow.parquet.write_table(table, temporary, compression="zstd")


class TensorBoard:
    """Scalars for TensorBoard, written without importing torch.utils.tensorboard (which takes half a second)."""

    def __init__(self, folder: Path, first_step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventFileWriter(str(folder))
        # A start mark makes TensorBoard drop what a killed process had written beyond the state it resumed from.
        start = SessionLog(status=SessionLog.START)
        self._writer.add_event(Event(wall_time=time.time(), step=first_step, session_log=start))

    def add(self, step: int, values: dict[str, float]) -> None:
        """One point per curve."""
        entries = [self._summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=self._summary(value=entries)))

    def add_image(self, step: int, tag: str, path: Path, size: tuple[int, int]) -> None:
        """A PNG file as an image. size: (height, width) in pixels."""
        image = self._summary.Image(encoded_image_string=path.read_bytes(), height=size[0], width=size[1])
        summary = self._summary(value=[self._summary.Value(tag=tag, image=image)])
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        """Write everything out."""
        self._writer.close()


class Progress:
    """Progress as text: a line every few seconds in a log file, a bar (tqdm) on a terminal."""

    def __init__(self, total_steps: int, seconds: float = 10.0, out: TextIO | None = None) -> None:
        """seconds: between two lines in a log file. out: the stream; default: standard error."""
        self.total_steps, self.seconds, self.out = total_steps, seconds, out or sys.stderr
        self._last = time.monotonic()
        self._bar: Any = None
        if self.out.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total_steps, file=self.out, unit=" updates", mininterval=0.2, dynamic_ncols=True)

    def show(self, step: int, rate: float, values: dict[str, float]) -> None:
        """Show that ``step`` updates are made. rate: updates per second. values: the newest numbers of the log."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        if self._bar is not None:
            self._bar.set_postfix_str(shown, refresh=False)
            self._bar.update(step - self._bar.n)
            return
        now = time.monotonic()
        if now - self._last < self.seconds and step < self.total_steps:
            return
        self._last = now
        left = duration((self.total_steps - step) / rate if rate > 0 else float("inf"))
        percent = 100 * step / self.total_steps
        text = f"update {step}/{self.total_steps} ({percent:.0f} %), {rate:.1f} updates/s, {left} left, {shown}"
        print(text, file=self.out, flush=True)

    def close(self) -> None:
        """Leave the last state of the bar on the terminal."""
        if self._bar is not None:
            self._bar.close()
