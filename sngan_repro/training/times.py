"""The times of updates that a study's ``benchmark`` measures: nothing else should run on the device meanwhile."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from sngan_repro.config.specs import StudyRun
from sngan_repro.core import runtime
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.training.benchmark import measure_rounds

UPDATES = 100
"""Generator updates that a time is given for, as in Figure 10 of Miyato et al. 2018."""


def measure_times(runs: Sequence[StudyRun], device: torch.device, min_seconds: float, repeats: int, path: Path) -> None:
    """Measure the updates of each run on random images, one run after the other, and write the times as JSON.

    min_seconds: the least length of a measurement. ``times`` has one entry per run and repeat: label, image_size,
    n_dis, repeat (from 0), seconds (of 100 generator updates).
    """
    times = []
    for number, spec in enumerate(runs, 1):
        rounds = measure_rounds(spec, device, min_seconds, repeats)
        shown = ", ".join(f"{UPDATES * seconds:.3g}" for seconds in rounds)
        print(f"{number}/{len(runs)} {spec.label}, {spec.data.image_size} px: {shown} s per {UPDATES} updates",
              file=sys.stderr, flush=True)  # fmt: skip
        times += [
            {
                "label": spec.label,
                "image_size": spec.data.image_size,
                "n_dis": spec.optimizer.n_dis,
                "repeat": repeat,
                "seconds": UPDATES * seconds,
            }
            for repeat, seconds in enumerate(rounds)
        ]
        gc.collect()  # the networks and the graph of this run, before those of the next
        if device.type == "cuda":
            torch.cuda.empty_cache()
    record = {
        "updates": UPDATES,
        "min_seconds": min_seconds,
        "times": times,
        "device": runtime.device_info(device),
        "versions": runtime.versions(),
        "git_revision": runtime.git_revision(),
    }
    write_sealed_json(path, record)
