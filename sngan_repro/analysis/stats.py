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


def unanimity_chance(n: int) -> float:
    """Probability that n fair coins all fall alike, 2 * 2^-n: how often n pairs agree in sign without any effect.

    The two-sided sign test at unanimity; it stays above 0.05 for n < 6.
    """
    return min(1.0, 2.0 * 0.5**n)
