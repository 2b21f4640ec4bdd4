"""The Kernel Inception Distance (Bińkowski et al. 2018, arXiv:1801.01401), on the device of the real features.

The same numbers as torch-fidelity's ``kid`` to rounding, over the same random subsets. The kernels within the subsets
of real images depend on nothing else and are computed once; the sums are in float64.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sngan_repro.evaluation.features import Features, device_of, memoize, values_on

Subsets = list[tuple[np.ndarray, np.ndarray]]
"""Indices of generated and of real images, each (m,)"""


def kernel_distance(fake: Features, real: Features, subsets: int, size: int, seed: int) -> tuple[float, float]:
    """Mean and standard deviation over random subsets of the unbiased squared MMD with k(a, b) = (a b / D + 1)^3.

    Each subset has ``size`` images of each set, drawn without replacement; both sets need at least so many.
    """
    device = device_of(real)
    num_fake, num_real = len(fake["features"]), len(real["features"])
    key = (num_fake, num_real, subsets, size, seed)
    chosen = memoize(real, ("subsets", *key), lambda: _draw(num_fake, num_real, subsets, size, seed))
    x, y = values_on(fake, device), values_on(real, device)
    within_real = memoize(real, ("kernels", *key), lambda: _sums_within(y, [b for _, b in chosen]))
    buffer = x.new_empty((size, 2 * size))
    within, across = [], []
    for first, second in chosen:
        part = x[_on(first, device)]
        kernel = _kernel(part, torch.cat([part, y[_on(second, device)]]), buffer)
        within.append(_sum(kernel[:, :size]) - _diagonal(kernel))
        across.append(_sum(kernel[:, size:]))
    pairs = size * (size - 1)
    mmd = (torch.stack(within) + within_real) / pairs - 2 * torch.stack(across) / size**2
    return mmd.mean().item(), mmd.std(correction=0).item()


def _draw(num_fake: int, num_real: int, subsets: int, size: int, seed: int) -> Subsets:
    """The subsets that torch-fidelity draws from this seed."""
    rng = np.random.RandomState(seed)
    return [
        (rng.choice(num_fake, size, replace=False), rng.choice(num_real, size, replace=False)) for _ in range(subsets)
    ]


def _sums_within(values: Tensor, chosen: list[np.ndarray]) -> Tensor:
    """Sum of the kernel over all pairs of two different images of each subset: (subsets,), float64."""
    sums = []
    for indices in chosen:
        part = values[_on(indices, values.device)]
        kernel = _kernel(part, part)
        sums.append(_sum(kernel) - _diagonal(kernel))
    return torch.stack(sums)


def _kernel(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.addmm(a.new_ones(1), a, b.T, alpha=1 / a.shape[1], out=out).pow_(3)


def _sum(kernel: Tensor) -> Tensor:
    return kernel.sum(dim=1).double().sum()  # by rows in float32: rows are short


def _diagonal(kernel: Tensor) -> Tensor:
    return kernel.diagonal().double().sum()


def _on(indices: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(indices).to(device)
