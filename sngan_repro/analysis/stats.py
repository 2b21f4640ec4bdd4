"""Statistics over training seeds: mean, SD, percentile bootstrap intervals, paired differences.

A word on small n. The percentile bootstrap resamples the values at hand, so its interval never reaches beyond the
smallest and the largest of them. With n = 2 (and n = 3) the 95 % interval *is* the range of the values, and it
covers the true mean far less often than 95 %; only from about n = 10 on is it close. It is shown because it says
honestly how far the seeds lie apart, not because it is a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NUM_RESAMPLES = 10_000
LEVEL = 0.95
SEED = 0
MAX_ENUMERATED = 12
"""Up to so many pairs, all 2^n flips of their signs are tried; beyond, NUM_RESAMPLES random ones."""


@dataclass(frozen=True)
class Summary:
    """Mean, sample SD (n - 1 in the denominator), n, and the bootstrap interval of the mean; None where undefined."""

    mean: float | None
    sd: float | None
    n: int
    ci_low: float | None
    ci_high: float | None


def bootstrap_interval(
    values: Sequence[float], level: float = LEVEL, num_resamples: int = NUM_RESAMPLES, seed: int = SEED
) -> tuple[float, float] | None:
    """Percentile bootstrap interval of the mean (Efron & Tibshirani 1993, ch. 13), or None when n < 2.

    Own random generator: the same values give the same interval, and no other random state is touched.
    """
    if len(values) < 2:
        return None
    sample = np.asarray(values, dtype=np.float64)
    chosen = np.random.default_rng(seed).integers(0, len(sample), size=(num_resamples, len(sample)))
    tail = 100 * (1 - level) / 2
    # A resample of one value n times may average to a neighbouring float; the range is the exact bound.
    low, high = np.clip(np.percentile(sample[chosen].mean(axis=1), [tail, 100 - tail]), sample.min(), sample.max())
    return float(low), float(high)


def summarise(values: Sequence[float]) -> Summary:
    """The statistics of one cell of a table; with n = 1 there is neither SD nor interval, with n = 0 nothing."""
    n = len(values)
    if n == 0:
        return Summary(None, None, 0, None, None)
    interval = bootstrap_interval(values)
    low, high = interval if interval else (None, None)
    sd = float(np.std(values, ddof=1)) if n > 1 else None
    return Summary(float(np.mean(values)), sd, n, low, high)


def paired_difference(first: dict[int, float], second: dict[int, float]) -> Summary:
    """Statistics of first - second over the seeds that both have. Keys are seeds."""
    return summarise([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())])


def sign_flip_p(differences: Sequence[float], num_resamples: int = NUM_RESAMPLES, seed: int = SEED) -> float | None:
    """Two-sided p of "the paired differences lie symmetrically around 0", or None without any.

    Fisher's (1935, sec. 21) randomisation test: under no difference each sign could as well be the other, and p is
    the share of sign patterns whose mean lies at least as far from 0 as the observed one. Exact for n up to
    MAX_ENUMERATED, where n differences of one sign give 2 * 2^-n, the smallest value there is. Beyond, from random
    patterns and the observed one, which keeps the test valid (Phipson & Smyth 2010).
    """
    n = len(differences)
    if n == 0:
        return None
    values = np.asarray(differences, dtype=np.float64)
    if n <= MAX_ENUMERATED:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(num_resamples, n))
        signs[0] = 1.0
    slack = 1e-12 * np.abs(values).sum()  # sums of the same numbers in another order are equal
    return float(np.mean(np.abs(signs @ values) >= abs(values.sum()) - slack))


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979), in the given order: each at most 0.05 keeps the chance of any
    false one at 5 %. The k-th smallest of m is multiplied by m - k + 1, never below a smaller one's, at most 1."""
    corrected, reached = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = reached
    return corrected


def fewest_seeds(num_comparisons: int, alpha: float = 1 - LEVEL) -> int:
    """The smallest n at which n differences of one sign survive Holm's correction for so many comparisons."""
    n = 1
    while num_comparisons * unanimity_chance(n) > alpha:
        n += 1
    return n


def kendall_tau_b(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Rank agreement of two lists of scores of the same things (Kendall 1945); None when one of them is constant.

    (pairs in the same order - pairs in opposite order) / sqrt(pairs untied in first * pairs untied in second): 1 for
    equal rankings, -1 for reversed ones.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    above = np.triu_indices(len(a), 1)
    x, y = np.sign(a[:, None] - a)[above], np.sign(b[:, None] - b)[above]
    untied = float(np.abs(x).sum() * np.abs(y).sum())
    return float((x * y).sum() / np.sqrt(untied)) if untied else None


def unanimity_chance(n: int) -> float:
    """Probability that n fair coins all fall alike, 2 * 2^-n: how often n pairs agree in sign without any effect.

    The smallest p of :func:`sign_flip_p`; it stays above 0.05 for n < 6.
    """
    return min(1.0, 2.0 * 0.5**n)


@dataclass(frozen=True)
class StudentT:
    """Mean, its two-sided 95 % interval, and the one-sided p values against a margin.

    p_above is small when the mean lies above the margin, p_below when it lies below.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    p_above: float
    p_below: float


def student_t(values: Sequence[float], margin: float = 0.0, resolution: float = 0.0, level: float = LEVEL) -> StudentT:
    """Student's t for the mean of independent values, such as differences paired by seed (Student 1908).

    resolution: the step between possible values where there are few (a rank correlation); the variance of rounding,
    resolution^2 / 12, is added, since values that happen to be alike are not therefore exact.
    With fewer than two values nothing is known: no interval, both p are 1. Values all alike without a resolution have
    no SD; then the p values are those of the sign test, 2^-n on the side where the value lies.
    """
    import scipy.stats

    n = len(values)
    mean = float(np.mean(values)) if n else None
    if mean is None or n < 2:
        return StudentT(mean, None, None, n, 1.0, 1.0)
    error = ((float(np.var(values, ddof=1)) + resolution**2 / 12) / n) ** 0.5
    if error <= 1e-12 * max(abs(mean), abs(margin), 1e-300):
        unanimous = 0.5**n
        return StudentT(mean, mean, mean, n, unanimous if mean > margin else 1.0, unanimous if mean < margin else 1.0)
    reach = float(scipy.stats.t.ppf((1 + level) / 2, n - 1)) * error
    t = (mean - margin) / error
    p_above, p_below = float(scipy.stats.t.sf(t, n - 1)), float(scipy.stats.t.cdf(t, n - 1))
    return StudentT(mean, mean - reach, mean + reach, n, p_above, p_below)
