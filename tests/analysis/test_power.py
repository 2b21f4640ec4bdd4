"""The differences that a number of seeds can show."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sngan_repro.analysis.power import POWER, detectable_difference, seeds_for


@pytest.mark.parametrize("n", [3, 5, 10])
def test_studies_find_the_detectable_difference_as_often_as_stated(n):
    """Simulated: two methods, n seeds, equal SDs, a true difference of exactly that size."""
    random, num = np.random.default_rng(n), 20_000
    differences = detectable_difference(n) + random.standard_normal((num, n)) - random.standard_normal((num, n))
    found = scipy.stats.ttest_1samp(differences, 0, axis=1)
    share = np.mean((found.pvalue <= 0.05) & (found.statistic > 0))
    assert share == pytest.approx(POWER, abs=0.012)  # four standard errors


def test_more_seeds_show_smaller_differences():
    assert detectable_difference(1) is None
    least = [detectable_difference(n) for n in range(2, 12)]
    assert least == sorted(least, reverse=True)
    # With many seeds the normal law holds: (1.96 + 0.8416) sqrt(2 / n).
    assert detectable_difference(500) == pytest.approx(2.8016 * (2 / 500) ** 0.5, rel=0.01)


def test_the_fewest_seeds():
    for difference in (1.0, 2.0, 3.5):
        n = seeds_for(difference)
        assert detectable_difference(n) <= difference < detectable_difference(n - 1)
