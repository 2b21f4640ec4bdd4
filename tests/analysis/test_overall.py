"""Aggregates over settings: by hand, and the coverage of their intervals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sngan_repro.analysis.outputs import table_files
from sngan_repro.analysis.overall import (
    interquartile_mean,
    over_seeds,
    probability_of_improvement,
    tuned_on_other_seeds,
)

NAN = np.nan


def test_interquartile_mean_by_hand():
    assert interquartile_mean(np.array([[100.0, 1, 2, 3], [4, 5, 6, -90]])) == pytest.approx(3.5)  # of 2, 3, 4, 5
    assert interquartile_mean(np.array([[1.0, NAN], [2, 6]])) == 3.0  # three values: none is cut
    assert np.isnan(interquartile_mean(np.array([[NAN]])))


def test_probability_of_improvement_by_hand():
    first, second = np.array([[1.0, 3.0], [5.0, NAN]]), np.array([[2.0, 3.0], [4.0, 6.0]])
    # setting 1: 1 < 2, 1 < 3, 3 > 2, 3 = 3 -> 1.5 of 4; setting 2: 5 > 4, 5 < 6 -> 1 of 2
    assert probability_of_improvement(first, second) == pytest.approx((1.5 / 4 + 0.5) / 2)
    assert probability_of_improvement(second, first) == pytest.approx(1 - (1.5 / 4 + 0.5) / 2)
    of_one = scipy.stats.mannwhitneyu([1.0, 3.0, 8.0], [2.0, 3.0]).statistic / 6
    assert probability_of_improvement(np.array([[1.0, 3, 8]]), np.array([[2.0, 3, NAN]])) == pytest.approx(of_one)
    assert np.isnan(probability_of_improvement(np.array([[NAN]]), np.array([[1.0]])))


def test_settings_are_chosen_on_other_seeds():
    # Seed 0: of the other seeds A has mean 2, B 3, so B counts: 0. Seed 1: A 6, B 2 -> A: 2. Seed 2: A 6, B 1 -> A: 2.
    gains = np.array([[10.0, 2.0, 2.0], [0.0, 2.0, 4.0]])
    assert tuned_on_other_seeds(gains) == pytest.approx((0 + 2 + 2) / 3)
    # A setting that lost a run is not chosen while another lost none.
    # Seeds 0 and 2: B. Seed 1: A, which has no score there, so the seed is left out.
    assert tuned_on_other_seeds(np.array([[9.0, NAN, 9.0], [1.0, 2.0, 3.0]])) == 2.0
    assert np.isnan(tuned_on_other_seeds(np.array([[1.0]])))


@pytest.mark.slow
def test_the_choice_on_other_seeds_is_not_flattered():
    random = np.random.default_rng(0)
    studies = random.standard_normal((2000, 3, 5))
    tuned = np.mean([tuned_on_other_seeds(gains) for gains in studies])
    best = np.mean([gains.mean(axis=1).max() for gains in studies])
    assert abs(tuned) < 0.04  # three standard errors are 0.03
    assert best > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("num_seeds", [3, 5])
def test_intervals_cover_the_truth(num_seeds):
    """Three settings, seeds whose scores are correlated over the settings. The IQM of a symmetric law is its mean."""
    random, num, covered, printed, found = np.random.default_rng(1), 600, 0, 0, 0
    for _ in range(num):
        first, second = random.standard_normal((2, 3, num_seeds)) + random.standard_normal((2, 1, num_seeds))
        middle = over_seeds(interquartile_mean, first)
        covered += middle.low <= 0 <= middle.high
        better = over_seeds(probability_of_improvement, first, second)
        if better.low is not None:
            printed, found = printed + 1, found + (better.low <= 0.5 <= better.high)
    assert covered / num > 0.92
    assert found / printed > 0.92
    assert printed / num > 0.95


def test_the_interval_of_a_mean_is_that_of_student():
    scores = np.random.default_rng(2).standard_normal((1, 6))
    jackknife = over_seeds(lambda values: float(values.mean()), scores)
    expected = scipy.stats.ttest_1samp(scores[0], 0).confidence_interval(0.95)
    assert (jackknife.low, jackknife.high) == pytest.approx(tuple(expected))
    assert over_seeds(interquartile_mean, scores[:, :1]).low is None
    assert over_seeds(probability_of_improvement, np.ones((2, 3)), np.zeros((2, 3))).low is None


def test_the_table_has_a_row_per_method(finished):
    text = table_files(finished.layout, finished.study)["overall_md"].read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    assert rows.count("Method") == len(finished.study.headline_metrics)
    for label in finished.study.labels:
        assert rows.count(label) == len(finished.study.headline_metrics)
