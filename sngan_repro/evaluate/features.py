"""Features and logits of images under an evaluator."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sngan_repro.evaluate.classifier import as_input

Features = dict[str, np.ndarray]
"""``features`` (N, D) and ``logits`` (N, C), float32."""
Extractor = Callable[[Tensor], tuple[Tensor, Tensor]]
"""uint8 (N, 3, H, W) -> features (N, D), logits (N, C)"""

PROGRESS_SECONDS = 30
log = logging.getLogger(__name__)


@torch.no_grad()
def extract(extractor: Extractor, images: np.ndarray, batch_size: int, device: torch.device | str = "cpu") -> Features:
    """Features and logits of uint8 images (N, H, W, C), grey or RGB.

    The batch size changes rounding only (below 1e-6 of the values); reduced-precision arithmetic of CUDA convolutions
    (TF32) is off, since it moves FID in the third digit. Reports progress when it takes longer than half a minute.
    """
    features, logits = [], []
    reported = started = time.perf_counter()
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        for first in range(0, max(len(images), 1), batch_size):
            batch = torch.from_numpy(np.array(images[first : first + batch_size]))
            if len(images) == 0:  # one blank image tells the dimensions; it is cut off below
                batch = torch.zeros((1, *images.shape[1:]), dtype=torch.uint8)
            found = extractor(as_input(batch.to(device)))
            features.append(found[0].float().cpu())
            logits.append(found[1].float().cpu())
            if (now := time.perf_counter()) - reported > PROGRESS_SECONDS:
                done = first + len(batch)
                left = (now - started) / done * (len(images) - done)
                log.info("features: %d of %d images, about %.0f s left", done, len(images), left)
                reported = now
    count = len(images)
    return {"features": torch.cat(features)[:count].numpy(), "logits": torch.cat(logits)[:count].numpy()}
