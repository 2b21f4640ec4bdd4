import itertools
import math

import numpy as np
import pytest

from sngan_repro.analysis import stats


def test_summary_of_three_values_by_hand():
    # mean 4; deviations -3, 0, 3: sample variance 18 / 2 = 9. 3 of 27 resamples are constant, 1/27 > 2.5 %: the range.
    found = stats.summarise([1.0, 4.0, 7.0])
    assert found == stats.Summary(mean=4.0, sd=3.0, n=3, ci_low=1.0, ci_high=7.0)


def test_two_values_give_their_range_exactly():
    found = stats.summarise([0.3, 0.1])
    assert (found.ci_low, found.ci_high) == (0.1, 0.3)
    assert found.sd == pytest.approx(0.2 / math.sqrt(2))


def test_one_value_has_neither_sd_nor_interval():
    assert stats.summarise([5.0]) == stats.Summary(5.0, None, 1, None, None)


def test_no_value_has_nothing():
    assert stats.summarise([]) == stats.Summary(None, None, 0, None, None)


def test_interval_is_the_percentiles_of_the_exact_bootstrap_distribution():
    # Five times 0 and five times 1: the mean of a resample is Binomial(10, 1/2) / 10, whose 2.5 % and 97.5 % quantiles
    # are 0.2 and 0.8 (P(X <= 1) = 0.0107, P(X <= 2) = 0.0547).
    assert stats.bootstrap_interval([0.0] * 5 + [1.0] * 5) == pytest.approx((0.2, 0.8))


@pytest.mark.parametrize("n", [2, 3, 5, 9, 16])
def test_interval_agrees_with_a_bootstrap_written_out(n):
    values = np.random.default_rng(n).normal(5.0, 2.0, size=n)
    drawn = np.random.default_rng(0).integers(0, n, size=(10_000, n))
    expected = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    assert stats.bootstrap_interval(list(values)) == pytest.approx(tuple(expected), rel=1e-12)


def test_interval_widens_with_the_level():
    values = list(np.random.default_rng(1).normal(size=12))
    narrow, wide = stats.bootstrap_interval(values, level=0.5), stats.bootstrap_interval(values, level=0.99)
    assert wide[0] < narrow[0] < np.mean(values) < narrow[1] < wide[1]


def test_interval_is_reproducible_and_leaves_numpy_alone():
    np.random.seed(7)
    before = np.random.get_state()[1].copy()
    values = [1.0, 2.0, 4.0, 8.0, 16.0]
    assert stats.bootstrap_interval(values) == stats.bootstrap_interval(values)
    assert (np.random.get_state()[1] == before).all()


def test_paired_difference_uses_common_seeds_only():
    # Common seeds 1 and 2: differences 2 and 4, mean 3, SD sqrt(2).
    found = stats.paired_difference({0: 100.0, 1: 5.0, 2: 9.0}, {1: 3.0, 2: 5.0, 3: -50.0})
    assert (found.mean, found.n, found.ci_low, found.ci_high) == (3.0, 2, 2.0, 4.0)
    assert found.sd == pytest.approx(math.sqrt(2))


def test_paired_difference_without_common_seeds():
    assert stats.paired_difference({0: 1.0}, {1: 1.0}).n == 0


@pytest.mark.parametrize(("n", "chance"), [(1, 1.0), (2, 0.5), (5, 0.0625), (6, 0.03125)])
def test_unanimity_chance(n, chance):
    assert stats.unanimity_chance(n) == chance


def test_sign_flip_p_by_hand():
    # |sum| over the 8 sign patterns of (1, 2, 4): 7, 5, 3, 1, each twice.
    assert stats.sign_flip_p([1.0, 2.0, 4.0]) == 0.25
    assert stats.sign_flip_p([-1.0, 2.0, 4.0]) == 0.5
    assert stats.sign_flip_p([1.0, -2.0, -4.0]) == 0.5
    assert stats.sign_flip_p([1.0, 2.0, -4.0]) == 1.0
    assert stats.sign_flip_p([0.0, 0.0]) == 1.0
    assert stats.sign_flip_p([]) is None


@pytest.mark.parametrize("n", [2, 7, 13])
def test_sign_flip_p_counts_all_sign_patterns(n):
    values = np.round(np.random.default_rng(n).normal(0.3, 1.0, size=n), 1)
    sums = [sum(signed) for signed in itertools.product(*((value, -value) for value in values))]
    expected = np.mean(np.abs(sums) >= abs(sum(values)) - 1e-9)
    assert stats.sign_flip_p(list(values)) == pytest.approx(expected, rel=1e-12)


def test_sums_in_another_order_are_equal():
    # 0.1 + 0.2 - 0.3 is 5.6e-17 in floating point: every pattern is at least as far from 0.
    assert stats.sign_flip_p([0.1, 0.2, -0.3]) == 1.0


@pytest.mark.parametrize("n", [1, 2, 5, 6, 13])
def test_differences_of_one_sign_have_the_smallest_p(n):
    values = [0.1 * (k + 1) for k in range(n)]  # sums in another order differ in the last bit
    assert stats.sign_flip_p(values) == stats.sign_flip_p([-v for v in values]) == stats.unanimity_chance(n)


def test_sign_flip_p_of_many_pairs_is_close_to_the_exact_one():
    # Ten pairs of +1 and four of -1: P(|X - 7| >= 3) for X from Binomial(14, 1/2) is 2 * 1471 / 16384.
    found = stats.sign_flip_p([1.0] * 10 + [-1.0] * 4)
    assert found == pytest.approx(2 * 1471 / 16384, abs=0.015)
    assert found == stats.sign_flip_p([1.0] * 10 + [-1.0] * 4)
    assert 0 < stats.sign_flip_p([1.0] * 40) <= 0.001  # never 0: the observed pattern counts


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04, and never falling.
    assert stats.holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert stats.holm([0.5, 0.9]) == [1.0, 1.0]
    assert stats.holm([0.03]) == [0.03]
    assert stats.holm([]) == []


@pytest.mark.parametrize(("num_comparisons", "n"), [(1, 6), (2, 7), (5, 8)])
def test_fewest_seeds(num_comparisons, n):
    assert stats.fewest_seeds(num_comparisons) == n
