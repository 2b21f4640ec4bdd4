"""Statistics over training seeds: mean, SD, percentile bootstrap intervals, paired differences.

Note on small n. The percentile bootstrap draws from the observed values, so its interval never reaches beyond the
smallest and the largest of them. With n = 2 and n = 3 the 95 % interval is exactly the range of the values, and it
covers the true mean far less often than 95 %. It is close to 95 % only from about n = 10 on. The interval shows how far
the seeds differ; it is not a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sngan_repro.core.lazy import np

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


def bootstrap_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """Percentile bootstrap interval of the mean (Efron & Tibshirani 1993, ch. 13), or None when n < 2.

    It has its own random generator, seeded with SEED: the same values give the same interval.
    """
    from scipy.stats import bootstrap

    if len(values) < 2:
        return None
    sample = np.asarray(values, dtype=np.float64)
    found = bootstrap(
        (sample,),
        np.mean,
        confidence_level=level,
        n_resamples=NUM_RESAMPLES,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    # The mean of n equal values may be off in the last bit; the range of the values is the exact bound.
    low, high = np.clip(found, sample.min(), sample.max())
    return float(low), float(high)


def summarise(values: Sequence[float]) -> Summary:
    """The statistics of one cell of a table. With n = 1 there is no SD and no interval; with n = 0 there is nothing."""
    n = len(values)
    if n == 0:
        return Summary(None, None, 0, None, None)
    interval = bootstrap_interval(values)
    low, high = interval if interval else (None, None)
    sd = float(np.std(values, ddof=1)) if n > 1 else None
    return Summary(float(np.mean(values)), sd, n, low, high)


def paired_difference(first: dict[int, float], second: dict[int, float]) -> Summary:
    """Statistics of first - second over the seeds that are in both. Keys are seeds."""
    return summarise([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())])


def sign_flip_p(differences: Sequence[float]) -> float | None:
    """Two-sided p of the hypothesis that paired differences are symmetric around 0; None without differences.

    Fisher's randomisation test (1935, sec. 21): under the hypothesis each sign is + or - with equal probability, and p
    is the share of sign patterns whose mean is at least as far from 0 as the observed one. It is exact while
    2^n <= NUM_RESAMPLES. For more pairs the patterns are random, and the observed one is counted among them, which
    keeps the test valid (Phipson & Smyth 2010). n differences of one sign give 2 * 2^-n, the smallest p there is.
    """
    from scipy.stats import permutation_test

    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return 1.0 if len(values) else None
    scale = float(np.abs(values).sum()) or 1.0

    def rounded_sum(signed: np.ndarray, axis: int) -> np.ndarray:
        """Rounded, so that sums of the same numbers in another order are equal."""
        return np.round(signed.sum(axis=axis) / scale, 12)

    test = permutation_test(
        (values,),
        rounded_sum,
        permutation_type="samples",
        vectorized=True,
        n_resamples=NUM_RESAMPLES,
        rng=np.random.default_rng(SEED),
    )
    return float(test.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979), in the given order.

    Rejecting where the corrected p is at most 0.05 keeps the probability of any false rejection at 5 %. The k-th
    smallest of m values is multiplied by m - k + 1; the result is at least that of a smaller value, and at most 1.
    """
    corrected, reached = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = reached
    return corrected


def fewest_seeds(num_comparisons: int, alpha: float = 1 - LEVEL) -> int:
    """The smallest n for which n differences of one sign are significant after Holm's correction."""
    n = 1
    while num_comparisons * unanimity_chance(n) > alpha:
        n += 1
    return n


def kendall_tau_b(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> float | None:
    """Kendall's tau-b (1945) of two lists of scores of the same things; None when one of the lists is constant.

    1 for equal rankings, -1 for reversed ones.
    """
    from scipy.stats import kendalltau

    tau = float(kendalltau(first, second).statistic)
    return tau if np.isfinite(tau) else None


def unanimity_chance(n: int) -> float:
    """Probability that n differences all have the same sign when there is no effect: 2 * 2^-n.

    This is the smallest p of :func:`sign_flip_p`. It is above 0.05 for n < 6.
    """
    return min(1.0, 2.0 * 0.5**n)


@dataclass(frozen=True)
class StudentT:
    """Mean, its two-sided 95 % interval, and the one-sided p values against a margin.

    p_above is small if the mean is above the margin, p_below if it is below.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    p_above: float
    p_below: float


def student_t(values: Sequence[float], margin: float = 0.0, resolution: float = 0.0, level: float = LEVEL) -> StudentT:
    """Student's t for the mean of independent values, such as differences paired by seed (Student 1908).

    resolution: the step between possible values where there are few of them (a rank correlation). The variance of
    rounding, resolution^2 / 12, is added, because equal rounded values need not be equal before rounding.
    With fewer than two values there is no interval, and both p are 1. Equal values without a resolution have SD 0;
    then p is that of the sign test: 2^-n on the side of the margin where the values are, 1 on the other side.
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


def standardised_t(
    values: Sequence[float], sd: float, degrees: int, num_sd: float, scale: float = 1.0, level: float = LEVEL
) -> StudentT:
    """The test whether a mean exceeds ``num_sd`` standard deviations that are estimated too (noncentral t).

    values: a linear contrast of independent cells, one per seed, whose standard deviation is ``scale`` times that of a
    cell: 1 for a cell itself, sqrt(2) for a difference of two. sd: the estimate of the cells' common standard
    deviation, with so many degrees of freedom. If the true mean is num_sd true standard deviations, then
    mean sqrt(n) / (scale sd) has a noncentral t distribution with noncentrality num_sd sqrt(n) / scale (Johnson & Welch
    1940). The interval is Student's t of the values, as for any mean.
    """
    import scipy.stats

    plain = student_t(values, level=level)
    if plain.mean is None or plain.n < 2 or not sd > 0:
        return StudentT(plain.mean, plain.low, plain.high, plain.n, 1.0, 1.0)
    root = plain.n**0.5 / scale
    law = scipy.stats.nct(degrees, num_sd * root)
    t = plain.mean * root / sd
    return StudentT(plain.mean, plain.low, plain.high, plain.n, float(law.sf(t)), float(law.cdf(t)))
