import itertools
import math

import numpy as np
import pytest

from sngan_repro.analysis import stats


def test_summary_of_three_values_by_hand():
    # mean 4; deviations -3, 0, 3: sample variance 18 / 2 = 9. t(0.975, 2) = 4.302653, standard error 3 / sqrt(3).
    found = stats.summarise([1.0, 4.0, 7.0])
    assert (found.mean, found.sd, found.n) == (4.0, 3.0, 3)
    assert (found.ci_low, found.ci_high) == pytest.approx((4 - 4.302653 * 3**0.5, 4 + 4.302653 * 3**0.5), abs=1e-5)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_intervals_cover_the_mean_as_often_as_they_say(n):
    values = np.random.default_rng(n).normal(2.0, 3.0, size=(2000, n))
    summaries = [stats.summarise(list(row)) for row in values]
    assert 0.935 < np.mean([found.ci_low <= 2.0 <= found.ci_high for found in summaries]) < 0.965


def test_reach_of_an_interval():
    found = stats.summarise([0.0, 1.0, 2.0])  # SD 1
    assert stats.interval_reach(3) == pytest.approx(found.ci_high - 1)
    assert stats.interval_reach(1) is None


def test_one_value_has_neither_sd_nor_interval():
    assert stats.summarise([5.0]) == stats.Summary(5.0, None, 1, None, None)


def test_no_value_has_nothing():
    assert stats.summarise([]) == stats.Summary(None, None, 0, None, None)


def test_paired_difference_uses_common_seeds_only():
    # Common seeds 1 and 2: differences 2 and 4, mean 3, SD sqrt(2).
    found = stats.paired_difference({0: 100.0, 1: 5.0, 2: 9.0}, {1: 3.0, 2: 5.0, 3: -50.0})
    assert (found.mean, found.n) == (3.0, 2)
    assert found.ci_high == pytest.approx(3 + 12.7062047)  # t(0.975, 1), standard error 1
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


@pytest.mark.parametrize(("num_methods", "n"), [(1, 6), (2, 6), (3, 7), (6, 10)])
def test_fewest_seeds(num_methods, n):
    assert stats.fewest_seeds(num_methods) == n


def test_exchange_p_by_hand():
    # One setting: the sign-flip test of the differences 1, 2, 4.
    assert stats.exchange_p(np.array([[2.0, 4.0, 8.0]]), np.array([[1.0, 2.0, 4.0]])) == 0.25
    # Two settings, two seeds. Best means: 5 (setting 0) and 1. Exchanging seed 0: first has means (1 + 4) / 2 = 2.5 and
    # 1 at most, second (6 + 1) / 2 = 3.5: |−1| < 4. Exchanging seed 1, or both, gives the mirror images.
    first, second = np.array([[6.0, 4.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [0.0, 1.0]])
    assert stats.exchange_p(first, second) == 0.5
    assert stats.exchange_p(second, first) == 0.5
    assert stats.exchange_p(first[:, :1], second[:, :1]) == 1.0


def test_exchange_p_chooses_settings_anew():
    """Many settings without any difference: the best of one method looks good, and p is not fooled."""
    random = np.random.default_rng(3)
    false = [stats.exchange_p(*random.normal(size=(2, 6, 8))) <= 0.05 for _ in range(300)]
    assert np.mean(false) <= 0.08
    assert stats.exchange_p(random.normal(5, 1, (6, 8)), random.normal(0, 1, (6, 8))) == 2 / 2**8


def test_exchange_p_of_a_method_without_settings():
    first, second = np.array([[2.0, 4.0, 8.0, 9.0, 9.0], [0.0] * 5]), np.array([[1.0, 2.0, 4.0, 5.0, 6.0]])
    assert stats.exchange_p(first, second) == 2 * 2 / 2**5  # the smaller p of two, twice
    assert stats.exchange_p(second, first) == 2 * 2 / 2**5


@pytest.mark.parametrize("n", [14, 20])
def test_exchange_p_of_many_seeds_is_never_zero(n):
    found = stats.exchange_p(np.full((2, n), 9.0), np.zeros((2, n)))
    assert 0 < found <= 0.001


@pytest.mark.slow
def test_standardised_t_by_hand_and_by_simulation():
    from scipy.stats import nct

    found = stats.standardised_t([2.0, 3.0, 4.0], sd=1.0, degrees=2, num_sd=1.0)
    assert found.p_above == pytest.approx(nct.sf(3 * 3**0.5, 2, 3**0.5))
    assert found.mean == 3
    assert stats.standardised_t([1.0], 1.0, 1, 1.0).p_above == 1
    random, false = np.random.default_rng(0), []
    for _ in range(1500):  # two cells of four seeds, one SD apart: the margin is true
        a, b = random.normal(1, 1, 4), random.normal(0, 1, 4)
        sd = float(np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
        test = stats.standardised_t(list(a - b), sd, 6, 1.0, 2**0.5)
        false.append((test.p_above <= 0.025, test.p_below <= 0.025))
    assert all(0.012 < share < 0.038 for share in np.mean(false, axis=0))
