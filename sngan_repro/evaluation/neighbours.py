"""Precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991), block by block on the device of the real features.

The same numbers as torch-fidelity's ``prc``. What differs is the way: no matrix of all distances is held, the nearest
neighbours of a point are looked for among the least of small groups of distances only, both questions are asked of
one product of matrices, and the radii of the real images, which depend on nothing else, are computed once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sngan_repro.evaluation.features import Features, device_of, memoize, values_on
from sngan_repro.evaluation.scores.precision_recall import NEIGHBOURS

GROUP = 16
"""Distances whose least stands for them all while the nearest neighbours are looked for."""
BLOCK = {"cpu": (512, 4096), "cuda": (8192, 16384)}
"""Rows and columns of distances that are in memory at a time: 8 MB, near a CPU's cache, and 0.5 GB."""


class Points(NamedTuple):
    """Features (N, D), their squared lengths (N,), and the squared distance (N,) to each one's k-th neighbour."""

    values: Tensor
    lengths: Tensor
    radii: Tensor


def precision_recall(fake: Features, real: Features) -> dict[str, float]:
    """Precision: share of generated images within the balls around real ones; recall: share of real ones alike.

    The ball around an image reaches to its nearest neighbour number NEIGHBOURS in its own set. Both sets need more
    images than that. NaN when a feature is not finite.
    """
    device = device_of(real)
    radii = getattr(real, "radii", None)
    reference: Points = memoize(real, "neighbours", lambda: _points(values_on(real, device), radii))
    generated = _points(values_on(fake, device))
    if not (generated.lengths.isfinite().all() and reference.lengths.isfinite().all()):
        return {"precision": float("nan"), "recall": float("nan")}
    precise, recalled = _inside(generated, reference)
    return {"precision": precise.double().mean().item(), "recall": recalled.double().mean().item()}


def squared_radii(features: np.ndarray, device: torch.device | str = "cpu") -> np.ndarray:
    """Squared distance of each image to its NEIGHBOURS-th nearest of the others: (N, D) -> (N,) float32."""
    return _points(values_on({"features": features}, torch.device(device))).radii.cpu().numpy()


def _points(values: Tensor, radii: np.ndarray | None = None) -> Points:
    lengths = values.square().sum(dim=1)
    found = _radii(values, lengths) if radii is None else torch.from_numpy(np.array(radii)).to(values.device)
    return Points(values, lengths, found)


def _radii(values: Tensor, lengths: Tensor) -> Tensor:
    """Squared distances to the NEIGHBOURS-th neighbour; the point itself is the nearest, at (about) 0."""
    least = NEIGHBOURS + 1
    rows, columns = BLOCK[values.device.type]
    parts = []
    for part, own in zip(values.split(rows), lengths.split(rows), strict=True):
        nearest = own.new_full((len(part), least), float("inf"))
        for others, length in zip(values.split(columns), lengths.split(columns), strict=True):
            # |y|^2 - 2 x y: what is left out, |x|^2, is the same for all of a row
            found = torch.addmm(length, part, others.T, alpha=-2)
            nearest = torch.cat([nearest, _smallest(found, least)], dim=1)
            nearest = nearest.topk(least, largest=False).values
        parts.append((nearest[:, -1] + own).clamp_min(0))
    return torch.cat(parts)


def _smallest(distances: Tensor, count: int) -> Tensor:
    """The ``count`` smallest of each row, or all when there are not more: (N, M) -> (N, at most count), exact.

    The smallest of all lie in those groups whose own smallest are the smallest, so only these groups are sorted.
    """
    rows, total = distances.shape
    num_groups = total // GROUP
    if num_groups <= count:
        return distances.topk(min(count, total), largest=False).values
    grouped = distances[:, : num_groups * GROUP].view(rows, GROUP, num_groups)
    chosen = grouped.amin(dim=1).topk(count, largest=False, sorted=False).indices  # (N, count)
    within = grouped.gather(2, chosen.unsqueeze(1).expand(rows, GROUP, count)).flatten(1)
    return torch.cat([within, distances[:, num_groups * GROUP :]], dim=1).topk(count, largest=False).values


def _inside(generated: Points, reference: Points) -> tuple[Tensor, Tensor]:
    """(generated images within a real one's ball (N,), real images within a generated one's ball (M,)), bool.

    A point x is in the ball of y when |x|^2 - 2 x y + |y|^2 <= r^2.
    """
    rows, columns = BLOCK[reference.values.device.type]
    precise = torch.zeros_like(generated.lengths, dtype=torch.bool)
    recalled = torch.zeros_like(reference.lengths, dtype=torch.bool)
    for first in range(0, len(precise), rows):
        x, x_length, x_radius = (t[first : first + rows] for t in generated)
        for second in range(0, len(recalled), columns):
            y, y_length, y_radius = (t[second : second + columns] for t in reference)
            product = torch.mm(x, y.T).mul_(-2)
            nearest_real = (product + (y_length - y_radius)).amin(dim=1)
            precise[first : first + rows] |= nearest_real <= -x_length
            nearest_fake = product.add_((x_length - x_radius).unsqueeze(1)).amin(dim=0)
            recalled[second : second + columns] |= nearest_fake <= -y_length
    return precise, recalled
