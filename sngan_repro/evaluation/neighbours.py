"""The nearest real images of each sample, by pixels or by features, and a measure of memorisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK_VALUES = 2**24
"""Values in one block of distances: 64 MB in float32."""


class Nearest(NamedTuple):
    """The nearest rows of another set, the nearest first."""

    indices: np.ndarray
    """int64 (N, k)"""
    distances: np.ndarray
    """Euclidean, float64 (N, k)"""


def nearest(queries: Tensor, others: Tensor, count: int = 1) -> Nearest:
    """The ``count`` nearest of ``others`` (M, D) for each of ``queries`` (N, D), by Euclidean distance; count <= M.

    Distances of the rows found are computed once more from differences, since |x|^2 - 2 x y + |y|^2 loses the digits of
    small ones. Equal distances are in the order of the indices.
    """
    centre = others.mean(0)  # numbers far from 0 would lose digits
    centred = others - centre
    lengths = centred.square().sum(1)  # (M,)
    candidates = min(len(others), count + 4)
    rows = max(1, BLOCK_VALUES // max(len(others), candidates * others.shape[1]))
    found = []
    for part in queries.split(rows):
        rough = torch.addmm(lengths, part - centre, centred.T, alpha=-2)  # (n, M), without the |x|^2 of each row
        chosen = rough.topk(candidates, largest=False).indices.sort(1).values  # (n, candidates)
        exact = (others[chosen].double() - part.double().unsqueeze(1)).norm(dim=2)  # (n, candidates)
        order = exact.argsort(dim=1, stable=True)[:, :count]
        found.append((chosen.gather(1, order), exact.gather(1, order)))
    indices, distances = (torch.cat(parts).cpu().numpy() for parts in zip(*found, strict=True))
    return Nearest(indices, distances)


def small_pixels(images: np.ndarray | Tensor, size: int, batch: int = 512) -> Tensor:
    """Images uint8 (N, H, W, C) averaged down to ``size`` pixels where they are larger: float32 (N, D) in [0, 1]."""
    parts = []
    for first in range(0, len(images), batch):
        part = images[first : first + batch]
        pixels = torch.as_tensor(np.array(part) if isinstance(part, np.ndarray) else part).permute(0, 3, 1, 2).float()
        if pixels.shape[-1] > size:
            pixels = F.interpolate(pixels, size=(size, size), mode="area")
        parts.append(pixels.flatten(1) / 255)
    return torch.cat(parts)


def nearer_share(samples: np.ndarray, held_out: np.ndarray) -> float:
    """The share of pairs (sample, held-out image) in which the sample is nearer to the training images, in [0, 1].

    samples, held_out: distances to the nearest training image, (N,) and (M,). Equal distances count half. It is 1/2
    if samples are as near as real images that were not trained on, and 1 if each is nearer than all of them: copies.
    This is the statistic U / (N M) of Mann and Whitney, which Meehan et al. 2020 (arXiv:2004.05675) use for the same
    question.
    """
    ordered = np.sort(held_out)
    below, upto = (np.searchsorted(ordered, samples, side) for side in ("left", "right"))
    return float(1 - (below + upto).mean() / (2 * len(ordered)))
