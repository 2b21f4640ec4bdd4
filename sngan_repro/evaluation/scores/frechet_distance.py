"""The Fréchet Inception Distance (Heusel et al. 2017, arXiv:1706.08500), without a matrix square root.

    FID = |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2))

Let S = R^T R with the triangular factor R of the centred features. The eigenvalues of S1 S2 are the squared singular
values of R1 R2^T, so tr((S1 S2)^(1/2)) is the sum of these singular values. The computation is in float64 and
symmetric in the two sets. It is exact to rounding also for singular covariances (fewer images than features, repeated
images); there a square root of S1 S2 loses half of the digits. torch-fidelity computes that square root, more slowly.
"""

from __future__ import annotations

from dataclasses import dataclass

from sngan_repro.core.lazy import np, torch
from sngan_repro.evaluation.features import device_of, memoize
from sngan_repro.evaluation.scores.base import SCORES, Score

ROWS = 8192
"""Features are factorised in blocks of so many rows, so that no float64 copy of a large set is in memory."""


@SCORES.register("fid")
class FrechetDistance(Score):
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of the features' means and covariances; no spread."""

    title = "FID"
    long_title = "Fréchet Inception Distance"
    higher_is_better = False
    log_scale = True
    measures = "mean and covariance of the features agree with those of real images"
    blind_to = "anything beyond mean and covariance; it is biased upward, more so for fewer images"
    report = (
        "The **Fréchet Inception Distance** [@heusel2017] compares mean and covariance of features of generated and "
        r"real images, $\lVert m_1 - m_2 \rVert^2 + \mathrm{tr}(C_1 + C_2 - 2 (C_1 C_2)^{1/2})$. Lower is better. It "
        "is biased: it is positive for equal distributions and falls with the number of images."
    )
    remark = (
        "The FID is computed by this package in double precision, by a form that is symmetric in the two sets; from "
        "the same features it agrees with the value of torch-fidelity to a relative $10^{-6}$ wherever the covariances "
        "have full rank [@obukhov2020]."
    )

    @classmethod
    def compute(cls, sets):
        device = device_of(sets.real)
        real = memoize(sets.real, "gaussian", lambda: gaussian(sets.real["features"], device))
        return frechet_distance(gaussian(sets.fake["features"], device), real)


@dataclass(frozen=True)
class Gaussian:
    """Mean (D,) and triangular factor R (at most D, D) of the covariance R^T R (divisor N - 1), float64."""

    mean: torch.Tensor
    factor: torch.Tensor


def gaussian(features: np.ndarray, device: torch.device | str = "cpu") -> Gaussian:
    """The Gaussian fitted to features (N, D), N at least 2, on a device.

    As in torch-fidelity, the mean is numpy's in float32, and the covariance is about the mean in float64.
    """
    count = len(features)
    centre = torch.from_numpy(features.mean(axis=0, dtype=np.float64)).to(device)
    factor = torch.empty((0, features.shape[1]), dtype=torch.float64, device=device)
    for first in range(0, count, ROWS):
        block = torch.from_numpy(np.ascontiguousarray(features[first : first + ROWS])).to(device).double() - centre
        factor = torch.linalg.qr(torch.cat([factor, block]), mode="r").R
    return Gaussian(torch.from_numpy(features.mean(axis=0)).to(device).double(), factor / (count - 1) ** 0.5)


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """The squared Fréchet (2-Wasserstein) distance of two Gaussians; NaN if one of them is not finite."""
    product = a.factor @ b.factor.T
    if not product.isfinite().all():  # LAPACK would fail
        return float("nan")
    difference = a.mean - b.mean
    trace_of_root = sum_of_singular_values(product, by_eigenvalues=product.device.type == "cuda")
    distance = difference @ difference + a.factor.square().sum() + b.factor.square().sum() - 2 * trace_of_root
    return distance.item()


def sum_of_singular_values(matrix: torch.Tensor, by_eigenvalues: bool) -> torch.Tensor:
    """The sum of the singular values of a matrix, float64 ().

    by_eigenvalues: as square roots of the eigenvalues of the smaller Gram matrix. On a GPU that is faster than singular
    values. It loses half of the digits of singular values near 0, which add little to the sum.
    """
    if not by_eigenvalues:
        return torch.linalg.svdvals(matrix).sum()
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    return torch.linalg.eigvalsh(gram).clamp_min(0).sqrt().sum()
