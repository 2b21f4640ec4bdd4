"""Statistics over training seeds: mean, SD, Student's t intervals, paired differences, permutation tests.

Note on small n. The interval of Student's t covers the mean of a normal law in 95 % of studies at any n from 2 on. With
two or three seeds it is wide, since the SD is hardly known: 12.7 and 4.3 standard errors to each side. A percentile
bootstrap would look better and cover 50 and 76 % there, so it is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sngan_repro.core.lazy import np
from sngan_repro.core.text import half_width

NUM_RESAMPLES = 10_000
LEVEL = 0.95
SEED = 0


@dataclass(frozen=True)
class Summary:
    """Mean, sample SD (n - 1 in the denominator), n, and Student's t interval of the mean; None where undefined."""

    mean: float | None
    sd: float | None
    n: int
    ci_low: float | None
    ci_high: float | None

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval of the mean; None where there is none."""
        return half_width(self.ci_low, self.ci_high)


def summarise(values: Sequence[float]) -> Summary:
    """The statistics of one cell of a table. With n = 1 there is no SD and no interval; with n = 0 there is nothing."""
    n = len(values)
    if n == 0:
        return Summary(None, None, 0, None, None)
    found = student_t(values)
    sd = float(np.std(values, ddof=1)) if n > 1 else None
    return Summary(found.mean, sd, n, found.low, found.high)


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


def exchange_p(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p of the hypothesis that two methods are alike, where each is compared at its best setting.

    first, second: gains (larger is better) of each method, (settings, seeds), the same seeds for both, without missing
    values. Under the hypothesis the two whole columns of a seed may be exchanged between the methods. For each pattern
    of exchanges the best settings are chosen anew, so the choice is part of the test: p is the share of patterns whose
    difference of best means is at least as far from 0 as the observed one (Fisher 1935, sec. 21; Phipson & Smyth 2010
    for random patterns). It is exact while 2^n <= NUM_RESAMPLES. A method with one setting is compared with each of the
    other's by :func:`sign_flip_p`, and the smallest p is multiplied by their number. The smallest p is 2 * 2^-n.
    """
    if len(first) != len(second):
        p_values = [sign_flip_p(a - b) or 1.0 for a in first for b in second]
        return min(1.0, len(p_values) * min(p_values))
    n = first.shape[1]
    if n < 2:
        return 1.0
    random = np.random.default_rng(SEED)
    exact = 2**n <= NUM_RESAMPLES
    patterns = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 if exact else random.integers(0, 2, (NUM_RESAMPLES, n))
    swapped = patterns.astype(bool)[:, None, :]  # (P, 1, n)
    swapped[0] = False  # the observed pattern is always counted
    best_first = np.where(swapped, second, first).mean(axis=2).max(axis=1)  # (P,)
    best_second = np.where(swapped, first, second).mean(axis=2).max(axis=1)
    scale = float(max(np.abs(first).max(), np.abs(second).max())) or 1.0
    # Rounded, so that sums of the same numbers in another order are equal.
    apart = np.round(np.abs(best_first - best_second) / scale, 12)
    return float((apart >= apart[0]).mean())


def fewest_seeds(num_methods: int, alpha: float = 1 - LEVEL) -> int:
    """The smallest n with which two of so many methods can be significantly different after Holm's correction.

    All pairs of methods are compared, since the pair that is looked at is chosen by the scores.
    """
    n, pairs = 1, max(1, num_methods * (num_methods - 1) // 2)
    while pairs * unanimity_chance(n) > alpha:
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

    This is the smallest p of :func:`sign_flip_p` and :func:`exchange_p`. It is above 0.05 for n < 6.
    """
    return min(1.0, 2.0 * 0.5**n)


def interval_reach(n: int, level: float = LEVEL) -> float | None:
    """Half the width of Student's t interval of n values, in their SD; None when n < 2."""
    import scipy.stats

    return float(scipy.stats.t.ppf((1 + level) / 2, n - 1)) / n**0.5 if n > 1 else None


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
