"""Faults of published evaluations, applied to the generated images but not to the reference.

Each is a key ``fault_*`` of a protocol and part of the names of its metrics. They serve to measure the effect of a
fault on a score.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.data.prepare import to_array
from sngan_repro.evaluation.features import Features
from sngan_repro.evaluation.metrics import take
from sngan_repro.nets.sampling import from_uint8


def stretched(images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H, W, C) uint8: the smallest value of each image becomes 0 and its largest becomes 255.

    The extremes are over all channels. This equals ``bytescale`` of scipy.misc.imsave for float images: halves are
    rounded up, and an image of a single value becomes black.
    """
    x = images.detach().double()
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    scaled = (x - low) * (255 / torch.where(high > low, high - low, 1.0))
    return (scaled + 0.5).floor().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def stretched_uint8(images: np.ndarray) -> np.ndarray:
    """:func:`stretched` for uint8 images (N, H, W, C)."""
    return stretched(from_uint8(torch.from_numpy(np.array(images)))).numpy()


def detour(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 images (N, H, W, C), resized to ``size`` pixels and back, each time as in data preparation, to uint8."""
    _, height, _, channels = images.shape

    def resized(image: np.ndarray, to: int) -> np.ndarray:
        return to_array(Image.fromarray(image[..., 0] if channels == 1 else image), to, channels, "bicubic")[0]

    found = np.empty(images.shape, dtype=np.uint8)
    for index, image in enumerate(images):
        found[index] = resized(resized(np.asarray(image), size), height)
    return found


def repeated(features: Features, protocol: ProtocolSpec) -> Features:
    """The features of the distinct images, repeated to ``num_fake`` rows: all images in order, then all again."""
    if protocol.fault_distinct is None:
        return features
    rounds = protocol.num_fake // protocol.fault_distinct
    return take(features, np.tile(np.arange(len(features["features"])), rounds))
