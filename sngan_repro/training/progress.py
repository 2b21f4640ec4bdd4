"""The heartbeat of a training: ``resume/progress.json``. No torch: ``sngan-repro status`` imports this module too."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections import deque
from typing import Any, Literal

from sngan_repro.config.records import FileModel
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import write_json

INTERRUPTED = 75
"""The exit code of a job that saved its state after a signal ("try again"): the same command resumes it."""
BEAT_SECONDS = 5.0
"""Seconds between two heartbeats; longer only if a single update takes longer."""
WINDOW = 25  # heartbeats, about two minutes: the rate includes saved states and snapshots, and follows a busy machine


class ProgressFile(FileModel):
    """``progress.json``."""

    state: Literal["running", "interrupted"]
    spec_digest: str
    steps: int
    steps_total: int
    updates_per_second: float | None
    images_per_second: float | None
    host: str
    pid: int


class Heartbeat:
    """Writes ``resume/progress.json``. No training depends on it, so a failed write is ignored.

    total_steps: the budget of the run in generator updates.
    """

    def __init__(self, run: RunPaths, spec: RunSpec, total_steps: int) -> None:
        self.path = run.progress
        self.total_steps = total_steps
        self.images_per_step = spec.training.batch_size * spec.optimizer.n_dis
        self.spec_digest = spec.digest()
        self._beaten = float("-inf")
        self._window: deque[tuple[float, int]] = deque(maxlen=WINDOW)

    def beat(self, steps: int, state: Literal["running", "interrupted"] = "running") -> dict[str, Any] | None:
        """A heartbeat after ``steps`` updates, or None if the last one is too recent; an interruption at once.

        A call costs little, so the loop calls it after every update.
        """
        now = time.monotonic()
        if state == "running" and now - self._beaten < BEAT_SECONDS:
            return None
        self._beaten = now
        self._window.append((now, steps))
        first, first_steps = self._window[0]
        rate = (steps - first_steps) / (now - first) if now > first else None
        return {
            "state": state,
            "spec_digest": self.spec_digest,
            "steps": steps,
            "steps_total": self.total_steps,
            "updates_per_second": rate,
            "images_per_second": rate and rate * self.images_per_step,
            "host": platform.node(),
            "pid": os.getpid(),
        }

    def put(self, progress: dict[str, Any]) -> None:
        """Write what :meth:`beat` returned."""
        with contextlib.suppress(OSError):  # a full disk must not end a training that could go on
            write_json(self.path, progress)

    def write(self, steps: int, state: Literal["running", "interrupted"] = "running") -> None:
        """Write a heartbeat after ``steps`` updates, if one is due."""
        if (progress := self.beat(steps, state)) is not None:
            self.put(progress)
