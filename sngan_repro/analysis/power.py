"""The differences that a number of training seeds can show. No numpy at import: `sngan-repro check` prints them."""

from __future__ import annotations

from sngan_repro.analysis.stats import LEVEL

POWER = 0.8
"""The probability with which a study should find a difference: the usual choice (Cohen 1988)."""


def detectable_difference(n: int, power: float = POWER, level: float = LEVEL) -> float | None:
    """The smallest true difference of two methods at one setting that n seeds find with probability ``power``.

    In standard deviations of the training seeds. None when n < 2. The differences paired by seed are tested by
    Student's t at the two-sided ``level``; the two methods' scores are independent and have equal standard deviations.
    Then the t statistic has a noncentral t distribution with noncentrality d sqrt(n / 2).
    """
    import scipy.optimize
    import scipy.stats

    if n < 2:
        return None
    bound = float(scipy.stats.t.ppf((1 + level) / 2, n - 1))

    def shortfall(difference: float) -> float:
        return float(scipy.stats.nct.sf(bound, n - 1, difference * (n / 2) ** 0.5)) - power

    return float(scipy.optimize.brentq(shortfall, 0.0, 4 * bound, xtol=1e-6))


def seeds_for(difference: float, power: float = POWER, level: float = LEVEL) -> int:
    """The fewest seeds that find a difference, given in seed SDs, as in :func:`detectable_difference`."""
    n = 2
    while (detectable_difference(n, power, level) or 0.0) > difference:
        n += 1
    return n
