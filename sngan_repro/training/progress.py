"""The sign of life of a training: ``resume/progress.json``, and words for times. No torch: ``status`` reads it too."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections import deque
from typing import Literal

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import write_json

BEAT_SECONDS = 5.0
"""A training writes its progress at most so often, and no less often unless a single update takes longer."""
WINDOW = 25  # writes, about two minutes: the rate includes saved states and snapshots, yet follows a busy machine


class Heartbeat:
    """Writes ``resume/progress.json``. It is for the eyes only: no training depends on it or waits for its success."""

    def __init__(self, run: RunPaths, spec: RunSpec, total_steps: int) -> None:
        self.path = run.progress
        self.total_steps = total_steps
        self.images_per_step = spec.training.batch_size * spec.optimizer.n_dis
        self.spec_digest = spec.digest()
        self._written = float("-inf")
        self._window: deque[tuple[float, int]] = deque(maxlen=WINDOW)

    def write(self, steps: int, state: Literal["running", "interrupted"] = "running") -> None:
        """Say that ``steps`` updates are made. Cheap enough for every update; an interruption is written at once."""
        now = time.monotonic()
        if state == "running" and now - self._written < BEAT_SECONDS:
            return
        self._written = now
        self._window.append((now, steps))
        first, first_steps = self._window[0]
        rate = (steps - first_steps) / (now - first) if now > first else None
        progress = {
            "state": state,
            "spec_digest": self.spec_digest,
            "steps": steps,
            "steps_total": self.total_steps,
            "updates_per_second": rate,
            "images_per_second": rate and rate * self.images_per_step,
            "host": platform.node(),
            "pid": os.getpid(),
        }
        with contextlib.suppress(OSError):  # a full disk must not end a training that could go on
            write_json(self.path, progress)
