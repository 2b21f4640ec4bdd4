"""The Kernel Inception Distance (Bińkowski et al. 2018, arXiv:1801.01401). It equals torch-fidelity's ``kid``.

It is computed on the device of the real features, over the same random subsets as in torch-fidelity, with sums in
float64. The sums within subsets of real images are computed once for all snapshots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.core.lazy import np, torch
from sngan_repro.core.text import count
from sngan_repro.evaluation.features import Features, device_of, memoize, values_on
from sngan_repro.evaluation.scores.base import SCORES, Score, rng_seed

if TYPE_CHECKING:
    from torch import Tensor


@SCORES.register("kid")
class KernelDistance(Score):
    """Unbiased squared MMD with the kernel (a^T b / d + 1)^3, mean over random subsets; the spread is their SD."""

    title = "KID"
    long_title = "Kernel Inception Distance"
    higher_is_better = False
    measures = "the distributions of the features agree, as seen by a cubic kernel"
    blind_to = "little, but its value is small and noisy for few images; unbiased, so it may be negative"
    report = (
        "The **Kernel Inception Distance** [@binkowski2018] is the squared maximum mean discrepancy of the same "
        "features with a cubic polynomial kernel, averaged over random subsets. It is unbiased and can be negative."
    )
    computed_by = "torch-fidelity [@obukhov2020]"

    @classmethod
    def compute(cls, sets):
        subsets, size = sets.protocol.kid_subsets, sets.protocol.kid_subset_size
        value, spread = kernel_distance(sets.fake, sets.real, subsets, size, rng_seed(sets.protocol))
        return value, spread, f"{subsets} subsets"

    @classmethod
    def infeasible(cls, protocol, num_fake, num_real):
        least = min(num_fake, num_real)
        enough = least >= protocol.kid_subset_size
        return None if enough else f"{least} images are fewer than `kid_subset_size` {protocol.kid_subset_size}"

    @classmethod
    def name_part(cls, protocol):
        usual = (protocol.kid_subset_size, protocol.kid_subsets) == (1000, 100)
        return "" if usual else f"_m{protocol.kid_subset_size}x{protocol.kid_subsets}"

    @classmethod
    def label_part(cls, protocol):
        return f"{protocol.kid_subsets} subsets of {protocol.kid_subset_size}"

    @classmethod
    def sentence_part(cls, protocol):
        return f"KID over {count(protocol.kid_subsets, 'subset')} of {count(protocol.kid_subset_size, 'image')}"


def kernel_distance(fake: Features, real: Features, subsets: int, size: int, seed: int) -> tuple[float, float]:
    """Mean and standard deviation over random subsets of the unbiased squared MMD with k(a, b) = (a b / D + 1)^3.

    Each subset has ``size`` images of each set, drawn without replacement. Both sets need at least ``size`` images.
    """
    device = device_of(real)
    num_fake, num_real = len(fake["features"]), len(real["features"])
    key = (num_fake, num_real, subsets, size, seed)
    chosen = memoize(real, ("subsets", *key), lambda: draw_subsets(num_fake, num_real, subsets, size, seed))
    x, y = values_on(fake, device), values_on(real, device)
    within_real = memoize(real, ("kernels", *key), lambda: sums_within(y, [b for _, b in chosen]))
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


def draw_subsets(
    num_fake: int, num_real: int, subsets: int, size: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The subsets that torch-fidelity draws with this seed: indices of generated and of real images, each (size,)."""
    rng = np.random.RandomState(seed)
    return [
        (rng.choice(num_fake, size, replace=False), rng.choice(num_real, size, replace=False)) for _ in range(subsets)
    ]


def sums_within(values: Tensor, chosen: list[np.ndarray]) -> Tensor:
    """The sum of the kernel over all pairs of two different images of each subset: (subsets,), float64."""
    sums = []
    for indices in chosen:
        part = values[_on(indices, values.device)]
        kernel = _kernel(part, part)
        sums.append(_sum(kernel) - _diagonal(kernel))
    return torch.stack(sums)


def _kernel(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.addmm(a.new_ones(1), a, b.T, alpha=1 / a.shape[1], out=out).pow_(3)


def _sum(kernel: Tensor) -> Tensor:
    return kernel.sum(dim=1).double().sum()  # rows are short, so their sums in float32 are exact enough


def _diagonal(kernel: Tensor) -> Tensor:
    return kernel.diagonal().double().sum()


def _on(indices: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(indices).to(device)
