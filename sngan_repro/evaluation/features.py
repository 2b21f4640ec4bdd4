"""Features and logits of images under an evaluator."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from sngan_repro.core import runtime
from sngan_repro.evaluation.classifier import as_input

Features = dict[str, np.ndarray]
"""``features`` (N, D) and ``logits`` (N, C), float32."""
Extractor = Callable[[Tensor], tuple[Tensor, Tensor]]
"""uint8 (N, 3, H, W) -> features (N, D), logits (N, C)"""

GPU_BATCHES = 16
"""A GPU is given so many batches of a CPU at once: 4096 images of the classifier, 256 of Inception."""
PROGRESS_SECONDS = 30
log = logging.getLogger(__name__)

T = TypeVar("T")


class KeptFeatures(Features):
    """Features of real images that many samples are scored against: what is computed from them is kept (:func:`memoize`).

    device: where scores with these features are computed. radii: ``neighbours.squared_radii`` of all of them, (N,), if
    at hand.
    """

    def __init__(self, features: Features, device: torch.device | str = "cpu", radii: np.ndarray | None = None) -> None:
        super().__init__(features)
        self.device = torch.device(device)
        self.radii = radii
        self.kept: dict[Hashable, Any] = {}


def memoize(features: Features, key: Hashable, make: Callable[[], T]) -> T:
    """``make()``, computed once for each ``key`` where the features are kept."""
    if not isinstance(features, KeptFeatures):
        return make()
    if key not in features.kept:
        features.kept[key] = make()
    return features.kept[key]


def device_of(features: Features) -> torch.device:
    """Where scores with these features are computed: the CPU, unless they say otherwise."""
    return features.device if isinstance(features, KeptFeatures) else torch.device("cpu")


def values_on(features: Features, device: torch.device) -> Tensor:
    """The features (N, D) on a device; copied there once where they are kept. Not to be changed in place."""
    return memoize(features, "values", lambda: torch.from_numpy(np.ascontiguousarray(features["features"])).to(device))


@torch.no_grad()
def extract(
    extractor: Extractor, images: np.ndarray | Tensor, batch_size: int, device: torch.device | str = "cpu"
) -> Features:
    """Features and logits of uint8 images (N, H, W, C), grey or RGB, on any device.

    batch_size: on a CPU; a GPU takes GPU_BATCHES of them at once. It changes rounding only (below 1e-6 of the values);
    reduced-precision arithmetic of CUDA convolutions (TF32) is off, since it moves FID in the third digit. Reports
    progress when it takes longer than half a minute.
    """
    device = torch.device(device)
    if device.type == "cuda":
        batch_size *= GPU_BATCHES
    features, logits = [], []
    reported = started = time.perf_counter()
    with runtime.repeatable():
        for first in range(0, max(len(images), 1), batch_size):
            batch = images[first : first + batch_size]
            if isinstance(batch, np.ndarray):
                batch = torch.from_numpy(np.array(batch))
            if len(images) == 0:  # one blank image tells the dimensions; it is cut off below
                batch = torch.zeros((1, *images.shape[1:]), dtype=torch.uint8)
            found = extractor(as_input(batch.to(device)))
            features.append(found[0].float())
            logits.append(found[1].float())
            if (now := time.perf_counter()) - reported > PROGRESS_SECONDS:
                done = first + len(batch)
                left = (now - started) / done * (len(images) - done)
                log.info("features: %d of %d images, about %.0f s left", done, len(images), left)
                reported = now
    count = len(images)
    together = {"features": torch.cat(features), "logits": torch.cat(logits)}
    return {name: values[:count].cpu().numpy() for name, values in together.items()}
