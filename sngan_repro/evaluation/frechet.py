"""The Fréchet distance of two sets of features (FID: Heusel et al. 2017, arXiv:1706.08500), without a matrix root.

    FID = |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2))

With S = R^T R, R the triangular factor of the centred features, the eigenvalues of S1 S2 are the squared singular
values of R1 R2^T, so tr((S1 S2)^(1/2)) is the sum of those singular values: symmetric, in float64, exact to rounding
also when the covariances are singular (fewer images than features, repeated images), where the root of a product of
covariances loses half of the digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

ROWS = 8192  # features are factorised in blocks, so that float64 copies of large sets are never whole in memory


@dataclass(frozen=True)
class Gaussian:
    """Mean (D,) and triangular factor R (at most D, D) of the covariance R^T R (divisor N - 1), float64."""

    mean: torch.Tensor
    factor: torch.Tensor


def gaussian(features: np.ndarray, device: torch.device | str = "cpu") -> Gaussian:
    """The Gaussian fitted to features (N, D), N at least 2, on a device.

    The reported mean is numpy's in float32, as torch-fidelity takes it; the centring before the factorisation, like
    its covariance, is in float64.
    """
    count = len(features)
    centre = torch.from_numpy(features.mean(axis=0, dtype=np.float64)).to(device)
    factor = torch.empty((0, features.shape[1]), dtype=torch.float64, device=device)
    for first in range(0, count, ROWS):
        block = torch.from_numpy(np.ascontiguousarray(features[first : first + ROWS])).to(device).double() - centre
        factor = torch.linalg.qr(torch.cat([factor, block]), mode="r").R
    return Gaussian(torch.from_numpy(features.mean(axis=0)).to(device).double(), factor / (count - 1) ** 0.5)


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """The squared Fréchet (2-Wasserstein) distance between two Gaussians; NaN when one of them is not finite."""
    product = a.factor @ b.factor.T
    if not product.isfinite().all():  # LAPACK would fail
        return float("nan")
    difference = a.mean - b.mean
    trace_of_root = torch.linalg.svdvals(product).sum()
    distance = difference @ difference + a.factor.square().sum() + b.factor.square().sum() - 2 * trace_of_root
    return distance.item()
