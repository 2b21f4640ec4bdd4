"""The time of a generator update. Every command and benchmark that times a training uses these functions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from sngan_repro.config.specs import RunSpec
from sngan_repro.data.sources import source_info
from sngan_repro.training.options import CompileMode
from sngan_repro.training.trainer import Trainer

NUM_IMAGES = 256
WARMUP_UPDATES = {"cuda": 8, "cpu": 2}
"""Untimed updates. On a GPU they include the eager updates before a CUDA graph is captured, and the capture."""


def measure(spec: RunSpec, device: torch.device, min_seconds: float = 0.2, rounds: int = 3) -> float:
    """Seconds per generator update of a run on random images: the median of several rounds, after a warm-up.

    min_seconds: the minimum length of a round.
    """
    return statistics.median(measure_rounds(spec, device, min_seconds, rounds))


def measure_rounds(spec: RunSpec, device: torch.device, min_seconds: float = 0.2, rounds: int = 3) -> list[float]:
    """The single rounds of :func:`measure`."""
    timed = round_timer(update_function(spec, device), device, min_seconds)
    return [timed() for _ in range(rounds)]


def random_images(spec: RunSpec, num_images: int = NUM_IMAGES) -> np.ndarray:
    """Random images of the size and channels of a run: uint8 (num_images, H, W, C)."""
    size, channels = spec.data.image_size, spec.data.channels or source_info(spec.data).channels or 3
    return np.random.default_rng(0).integers(0, 256, (num_images, size, size, channels), dtype=np.uint8)


def update_function(
    spec: RunSpec,
    device: torch.device,
    num_images: int = NUM_IMAGES,
    cuda_graph: bool = True,
    compile: CompileMode = "never",
) -> Callable[[], object]:
    """A function that makes one generator update of a run on random images.

    cuda_graph: False for eager updates on a GPU. compile: whether G and D are compiled. A class-conditional run gets
    random labels.
    """
    labels, num_classes = None, source_info(spec.data).num_classes or 10
    if spec.nets.conditional:
        labels = np.random.default_rng(1).integers(0, num_classes, num_images)
    images = random_images(spec, num_images)
    training = spec.training.model_copy(update={"pretrain_d": None})  # not a part of the update
    spec = spec.model_copy(update={"training": training})
    trainer = Trainer(spec, images, device, cuda_graph, labels=labels, num_classes=num_classes, compile=compile)

    def update() -> None:
        with trainer.context.on_stream():
            trainer.advance()

    return update


def round_timer(update: Callable[[], object], device: torch.device, min_seconds: float) -> Callable[[], float]:
    """A function that times one round of updates and returns seconds per update.

    update: makes one update on ``device``. It is warmed up first. Then the number of updates in a round is doubled
    until a round takes at least ``min_seconds``. The clock is read while no kernel is left to run.
    """

    def seconds(updates: int) -> float:
        _synchronize(device)
        start = time.perf_counter()
        for _ in range(updates):
            update()
        _synchronize(device)
        return time.perf_counter() - start

    seconds(WARMUP_UPDATES[device.type])
    updates = 1
    while seconds(updates) < min_seconds:
        updates *= 2
    return lambda: seconds(updates) / updates


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
