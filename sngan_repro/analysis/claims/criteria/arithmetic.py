"""Criteria that need no run: arithmetic and linear algebra."""

from __future__ import annotations

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import Component, Verdict, decide

CIFAR10_TRAIN = 50_000


@CRITERIA.register("only_largest_changes")
def only_largest_changes(evidence: Evidence, *, shape: list[int], tolerance: float = 1e-6) -> Verdict:
    """Dividing a weight by its spectral norm leaves its other singular values as they are.

    Computed for one matrix with normal entries: any one refutes the claim, and 1 / sigma scales every singular value.
    """
    import numpy as np

    del evidence  # true of every matrix
    weight = np.random.default_rng(0).standard_normal(shape)
    before = np.linalg.svd(weight, compute_uv=False)
    after = np.linalg.svd(weight / before[0], compute_uv=False)
    change = float(np.max(np.abs(after[1:] / before[1:] - 1)))
    ratios = float(np.max(np.abs((after / after[0]) / (before / before[0]) - 1)))
    remark = f"all singular values shrink by the same factor: their ratios change by {ratios:.0e} at most"
    what = "largest relative change of the other singular values"
    return decide([Component(what, (-change,), -tolerance, "relative", exact=True, flipped=True)], remark)


@CRITERIA.register("fewer_updates")
def fewer_updates(
    evidence: Evidence,
    *,
    epochs: float,
    batch_size: int,
    n_dis: int,
    original_steps: int,
    num_train: int = CIFAR10_TRAIN,
) -> Verdict:
    """So many epochs are fewer generator updates than the original's budget (the last partial batch is skipped)."""
    del evidence  # arithmetic
    updates = epochs * (num_train // batch_size) / n_dis
    what = f"updates in {epochs:g} epochs"
    return decide([Component(what, (-updates,), -float(original_steps), "updates", exact=True, flipped=True)])


@CRITERIA.register("largest_jsd_is_one")
def largest_jsd_is_one(evidence: Evidence, *, tolerance: float = 1e-9) -> Verdict:
    """The largest Jensen-Shannon divergence, that of two laws without overlap, is 1 in natural logarithms.

    The loss of a GAN has natural logarithms: its minimum over D is -2 log 2 + 2 JSD (Goodfellow et al. 2014, eq. 6).
    """
    import numpy as np

    del evidence  # arithmetic
    first, second = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    middle = (first + second) / 2

    def divergence(law: np.ndarray) -> float:
        shares = law[law > 0]
        return float((shares * np.log(shares / middle[law > 0])).sum())

    largest = (divergence(first) + divergence(second)) / 2
    remark = f"with logarithms to the base 2 it is {largest / np.log(2):.3g}"
    what = "largest Jensen-Shannon divergence"
    return decide([Component(what, (largest,), 1 - tolerance, "nats", exact=True)], remark)
