"""Methods over all their settings: interquartile means, probabilities of improvement, tuning on other seeds.

The first two are the aggregates of Agarwal et al. 2021 (arXiv:2108.13264), which a few lucky or failed runs change
little. Their intervals are over the training seeds: the jackknife leaves out one seed of all settings at a time, and
Student's t of the pseudo-values gives the interval (Tukey 1958). A bootstrap of so few seeds would be too narrow.
"""

from __future__ import annotations

from collections.abc import Callable

from sngan_repro.analysis.stats import LEVEL, StudentT, student_t
from sngan_repro.core.lazy import np

Statistic = Callable[..., float]


def interquartile_mean(scores: np.ndarray) -> float:
    """The mean of the middle half of all scores of a method, (settings, seeds) with NaN where a run has none."""
    from scipy.stats import trim_mean

    found = scores[~np.isnan(scores)]
    return float(trim_mean(found, 0.25)) if len(found) else float("nan")


def probability_of_improvement(first: np.ndarray, second: np.ndarray) -> float:
    """The probability that a run of the first method has a larger score than one of the second at the same setting.

    first, second: (settings, seeds), larger is better, NaN where a run has none. The mean over the settings of the
    share of pairs of runs; equal scores count one half. Settings without a pair are left out.
    """
    shares = []
    for mine, theirs in zip(first, second, strict=True):
        difference = mine[~np.isnan(mine)][:, None] - theirs[~np.isnan(theirs)][None, :]
        if difference.size:
            shares.append(float(np.mean((difference > 0) + 0.5 * (difference == 0))))
    return float(np.mean(shares)) if shares else float("nan")


def over_seeds(statistic: Statistic, *scores: np.ndarray, level: float = LEVEL) -> StudentT:
    """The statistic of arrays (settings, seeds) and its jackknife interval over the seeds, without tests.

    The seeds of all arrays are left out together. No interval with fewer than two seeds, or if all of them agree.
    """
    whole = statistic(*scores)
    num_seeds = scores[0].shape[1]
    if num_seeds < 2 or np.isnan(whole):
        return StudentT(None if np.isnan(whole) else whole, None, None, num_seeds, 1.0, 1.0)
    without = [statistic(*(np.delete(array, seed, axis=1) for array in scores)) for seed in range(num_seeds)]
    pseudo = [num_seeds * whole - (num_seeds - 1) * value for value in without]
    spread = student_t(pseudo, level=level)
    if spread.mean is None or spread.low is None or np.isnan(spread.low):
        return StudentT(whole, None, None, num_seeds, 1.0, 1.0)
    reach = spread.mean - spread.low
    if reach <= 1e-12 * max(1.0, abs(whole)):  # every seed gives the same: how far another would be is not known
        return StudentT(whole, None, None, num_seeds, 1.0, 1.0)
    return StudentT(whole, whole - reach, whole + reach, num_seeds, 1.0, 1.0)


def tuned_on_other_seeds(gains: np.ndarray) -> float:
    """The mean over the seeds of the score at the setting that is best on all other seeds.

    gains: (settings, seeds), larger is better, NaN where a run has none. The best setting has the most finished runs,
    and among those the best mean. A seed whose run at the chosen setting has no score is left out. Unlike the mean at
    the best setting, this one is not flattered: no score takes part in the choice of its own setting.
    """
    if gains.shape[1] < 2:
        return float("nan")
    found = []
    for seed in range(gains.shape[1]):
        others = np.delete(gains, seed, axis=1)
        finished = (~np.isnan(others)).sum(axis=1)
        if finished.max() == 0:
            continue
        means = np.array([np.nanmean(row) if count else -np.inf for row, count in zip(others, finished, strict=True)])
        chosen = int(np.argmax(np.where(finished == finished.max(), means, -np.inf)))
        if not np.isnan(gains[chosen, seed]):
            found.append(float(gains[chosen, seed]))
    return float(np.mean(found)) if found else float("nan")
