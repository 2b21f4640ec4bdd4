"""Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991). They equal torch-fidelity's ``prc``.

They are computed on the device of the real features, in blocks: the matrix of all distances is never in memory. Both
scores use one matrix product. The radii of the real images are computed once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sngan_repro.core.lazy import np, torch
from sngan_repro.evaluation.features import Features, device_of, memoize, values_on
from sngan_repro.evaluation.scores.base import SCORES, Score

if TYPE_CHECKING:
    from torch import Tensor

NEIGHBOURS = 3
"""k of the k-nearest-neighbour manifolds."""
GROUP = 16
"""Distances per group in :func:`smallest`."""
BLOCK = {"cpu": (512, 4096), "cuda": (8192, 16384)}
"""Rows and columns of one block of distances: 8 MB on a CPU (about its cache), 0.5 GB on a GPU."""


class PrecisionRecall(Score):
    """The common part of both scores. One computation gives both; no spread."""

    higher_is_better = True
    needs = NEIGHBOURS + 1
    report = (
        "**Precision and recall** [@kynkaanniemi2019]: the share of generated images inside the manifold of real "
        "features, and the share of real images inside that of generated features, each manifold being a union of "
        f"balls around its points that reach to the nearest neighbour number $k = {NEIGHBOURS}$."
    )
    computed_by = "torch-fidelity [@obukhov2020]"

    @classmethod
    def compute(cls, sets):
        return precision_recall(sets.fake, sets.real)


@SCORES.register("precision")
class Precision(PrecisionRecall):
    """Share of generated images inside the manifold of the real ones."""

    title = "Precision"
    long_title = "precision"
    measures = "generated images lie within the manifold of real features"
    blind_to = "missing variety"


@SCORES.register("recall")
class Recall(PrecisionRecall):
    """Share of real images inside the manifold of the generated ones."""

    title = "Recall"
    long_title = "recall"
    measures = "real images lie within the manifold of generated features"
    blind_to = "how good an image looks"


class Points(NamedTuple):
    """Features (N, D), their squared lengths (N,), and the squared distance (N,) to each one's k-th neighbour."""

    values: Tensor
    lengths: Tensor
    radii: Tensor


def precision_recall(fake: Features, real: Features) -> dict[str, float]:
    """Precision: the share of generated images in the balls around real ones. Recall: the reverse. Both in [0, 1].

    The ball around an image reaches to its nearest neighbour number NEIGHBOURS in its own set. Both sets need more
    images than that. NaN if a feature is not finite.
    """
    device = device_of(real)
    reference = memoize(real, "points", lambda: _points(real, device))
    generated = _points(fake, device)
    if not (generated.lengths.isfinite().all() and reference.lengths.isfinite().all()):
        return {"precision": float("nan"), "recall": float("nan")}
    precise, recalled = _inside(generated, reference)
    return {"precision": precise.double().mean().item(), "recall": recalled.double().mean().item()}


def squared_radii(features: np.ndarray, device: torch.device | str = "cpu") -> np.ndarray:
    """The squared distance of each image to its NEIGHBOURS-th nearest neighbour: (N, D) -> (N,) float32."""
    return _points({"features": features}, torch.device(device)).radii.cpu().numpy()


def _points(features: Features, device: torch.device) -> Points:
    values = values_on(features, device)
    lengths = values.square().sum(dim=1)
    radii = memoize(features, "radii", lambda: neighbour_distances(values, lengths))
    return Points(values, lengths, torch.as_tensor(radii, device=device))


def neighbour_distances(values: Tensor, lengths: Tensor) -> Tensor:
    """The squared distance of each row to its NEIGHBOURS-th nearest neighbour: (N, D), (N,) -> (N,).

    lengths: the squared lengths of the rows. The nearest row is the row itself, at a distance of about 0.
    """
    least = NEIGHBOURS + 1
    rows, columns = BLOCK[values.device.type]
    parts = []
    for part, own in zip(values.split(rows), lengths.split(rows), strict=True):
        nearest = own.new_full((len(part), least), float("inf"))
        for others, length in zip(values.split(columns), lengths.split(columns), strict=True):
            # |y|^2 - 2 x y; the missing |x|^2 is equal for all of a row and is added at the end
            found = torch.addmm(length, part, others.T, alpha=-2)
            nearest = torch.cat([nearest, smallest(found, least)], dim=1)
            nearest = nearest.topk(least, largest=False).values
        parts.append((nearest[:, -1] + own).clamp_min(0))
    return torch.cat(parts)


def smallest(distances: Tensor, count: int) -> Tensor:
    """The ``count`` smallest values of each row, or all if there are fewer: (N, M) -> (N, at most count), exact.

    The columns form groups of GROUP. The smallest values are in the ``count`` groups with the smallest minima, so only
    these groups are sorted.
    """
    rows, total = distances.shape
    num_groups = total // GROUP
    if num_groups <= count:
        return distances.topk(min(count, total), largest=False).values
    grouped = distances[:, : num_groups * GROUP].view(rows, GROUP, num_groups)
    chosen = grouped.amin(dim=1).topk(count, largest=False, sorted=False).indices  # (N, count)
    within = grouped.gather(2, chosen.unsqueeze(1).expand(rows, GROUP, count)).flatten(1)  # (N, GROUP * count)
    return torch.cat([within, distances[:, num_groups * GROUP :]], dim=1).topk(count, largest=False).values


def _inside(generated: Points, reference: Points) -> tuple[Tensor, Tensor]:
    """(generated images in a real image's ball (N,), real images in a generated image's ball (M,)), bool.

    A point x is in the ball of y if |x|^2 - 2 x y + |y|^2 <= r^2.
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
