"""Faults of published evaluations, applied to images in the place of generated ones; the reference is left alone.

Each is a key ``fault_*`` of a protocol and part of its metrics' names. They exist to measure what a fault does.
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
    """(N, C, H, W) -> (N, H, W, C) uint8: each image's least value becomes 0 and its largest 255, over all channels.

    What scipy.misc.imsave did to float images (its ``bytescale``): half a level is rounded up, and an image of a
    single value becomes black.
    """
    x = images.detach().double()
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    scaled = (x - low) * (255 / torch.where(high > low, high - low, 1.0))
    return (scaled + 0.5).floor().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def stretched_uint8(images: np.ndarray) -> np.ndarray:
    """:func:`stretched` of images that are 8 bits already, (N, H, W, C)."""
    return stretched(from_uint8(torch.from_numpy(np.array(images)))).numpy()


def detour(images: np.ndarray, size: int) -> np.ndarray:
    """Images uint8 (N, H, W, C), resized to ``size`` pixels and back as data preparation does: to 8 bits both times."""
    _, height, _, channels = images.shape

    def resized(image: np.ndarray, to: int) -> np.ndarray:
        return to_array(Image.fromarray(image[..., 0] if channels == 1 else image), to, channels, "bicubic")[0]

    found = np.empty(images.shape, dtype=np.uint8)
    for index, image in enumerate(images):
        found[index] = resized(resized(np.asarray(image), size), height)
    return found


def repeated(features: Features, protocol: ProtocolSpec) -> Features:
    """The features of a protocol's distinct images as often as it repeats them, one round after another."""
    if protocol.fault_distinct is None:
        return features
    rounds = protocol.num_fake // protocol.fault_distinct
    return take(features, np.tile(np.arange(len(features["features"])), rounds))
