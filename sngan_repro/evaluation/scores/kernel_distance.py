"""The Kernel Inception Distance (Bińkowski et al. 2018, arXiv:1801.01401), with the values of torch-fidelity."""

from __future__ import annotations

from sngan_repro.evaluation.scores.base import SCORES, Score


@SCORES.register("kid")
class KernelDistance(Score):
    """Unbiased squared MMD with the kernel (a^T b / d + 1)^3, mean over random subsets; the spread is their SD."""

    title = "KID"
    long_title = "Kernel Inception Distance"
    higher_is_better = False
    measures = "the laws of the features agree, as seen by a cubic kernel"
    blind_to = "little, but its value is small and noisy for few images; unbiased, so it may be negative"
    report = (
        "The **Kernel Inception Distance** [@binkowski2018] is the squared maximum mean discrepancy of the same "
        "features with a cubic polynomial kernel, averaged over random subsets. It is unbiased and can be negative."
    )
    computed_by = "torch-fidelity [@obukhov2020]"

    @classmethod
    def compute(cls, sets):
        from sngan_repro.evaluation.kernel_distance import kernel_distance
        from sngan_repro.evaluation.metrics import rng_seed

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
        from sngan_repro.core.text import count

        return f"KID over {count(protocol.kid_subsets, 'subset')} of {count(protocol.kid_subset_size, 'image')}"
