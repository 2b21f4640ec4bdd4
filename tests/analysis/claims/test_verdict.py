"""Verdicts: intervals and conjunctions, by hand."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from sngan_repro.analysis.claims.cells import Cell, below
from sngan_repro.analysis.claims.judge import evidence_text
from sngan_repro.analysis.claims.verdict import Component, NotRun, decide
from sngan_repro.analysis.stats import student_t


def test_student_t_by_hand():
    # mean 2, SD 1, n 4: standard error 0.5, t(0.975, 3) = 3.18245
    found = student_t([1.0, 2.0, 3.0, 2.0 + 0.0])
    values = np.array([1.0, 2.0, 3.0, 2.0])
    reach = 3.182446 * values.std(ddof=1) / 2
    assert (found.mean, found.n) == (2.0, 4)
    assert found.low == pytest.approx(2 - reach, abs=1e-6)
    assert found.high == pytest.approx(2 + reach, abs=1e-6)
    expected = scipy_stats.ttest_1samp(values, 0.5, alternative="greater").pvalue
    assert student_t(values, 0.5).p_above == pytest.approx(expected, rel=1e-9)
    assert student_t(values, 0.5).p_below == pytest.approx(1 - expected, rel=1e-9)


def test_the_interval_excludes_the_margin_exactly_when_p_is_at_most_half_a_tail():
    random = np.random.default_rng(0)
    for _ in range(200):
        values = random.normal(0.6, 1, random.integers(2, 8))
        found = student_t(values, 0.1)
        assert (found.low > 0.1) == (found.p_above < 0.025)
        assert (found.high < 0.1) == (found.p_below < 0.025)


def test_one_value_or_none_shows_nothing():
    assert (student_t([5.0]).p_above, student_t([5.0]).p_below, student_t([5.0]).low) == (1, 1, None)
    assert (student_t([]).mean, student_t([]).p_above) == (None, 1)


def test_values_all_alike_count_as_signs_only():
    assert student_t([1.0] * 5).p_above == 0.5**5
    assert student_t([1.0] * 5).p_below == 1
    assert student_t([1.0] * 5, margin=1.0).p_above == 1  # on the margin: neither side


def test_values_alike_of_a_coarse_scale_have_the_error_of_rounding():
    # five Kendall's tau of 1 over six methods: the next possible value is 13/15
    step = 2 / 15
    found, error = student_t([1.0] * 5, 0.6, resolution=step), step / 12**0.5 / 5**0.5
    assert found.low == pytest.approx(1 - 2.776445 * error, abs=1e-6)
    assert found.p_above < 0.001
    varied = student_t([1.0, 1.0, 1.0, 1.0, 13 / 15], 0.6, resolution=step)
    assert varied.p_above > found.p_above  # agreement never counts for less


def test_supported_needs_every_component():
    sure, open_ = Component("sure", (1.0, 1.1, 0.9, 1.05, 0.95)), Component("open", (1.0, -1.2, 0.9, -0.5, 0.3))
    assert decide([sure, sure]).name == "supported"
    verdict = decide([sure, open_])
    assert (verdict.name, verdict.shown.what, verdict.reason) == ("undecided", "open", "1 of 2 comparisons open")


def test_one_clear_contradiction_is_enough_but_is_corrected_for_the_number_of_components():
    sure, against = Component("sure", (1.0, 1.1, 0.9, 1.05, 0.95)), Component("against", (-1.0, -1.1, -0.9))
    assert against.test.p_below < 0.025 / 2
    assert decide([sure, against]).name == "not supported"
    mild = Component("mild", (-1.0, -1.5, -0.6, -1.9))
    assert 0.001 < mild.test.p_below < 0.025
    assert decide([mild]).name == "not supported"
    assert decide([mild] + [sure] * 30).name == "undecided"  # Holm: 31 chances to find one


def test_two_seeds_rarely_decide():
    assert decide([Component("near", (1.0, 1.2))]).name == "undecided"  # t(0.975, 1) = 12.7
    assert decide([Component("far", (1.0, 1.001))]).name == "supported"


def test_a_component_with_lost_runs_cannot_support_but_can_contradict():
    assert decide([Component("lost", (1.0, 1.1, 0.9), blocked="SNGAN: diverged with seed 3")]).name == "undecided"
    assert decide([Component("lost", (1.0, 1.1, 0.9), blocked="SNGAN: diverged with seed 3")]).reason.startswith(
        "SNGAN"
    )
    assert decide([Component("lost", (-1.0, -1.1, -0.9), blocked="SNGAN: diverged")]).name == "not supported"


def test_exact_components():
    assert decide([Component("sum", (1.0,), exact=True)]).name == "supported"
    assert decide([Component("sum", (-1.0,), exact=True)]).name == "not supported"
    assert decide([Component("sum", (0.0,), exact=True)]).name == "undecided"


def test_nothing_to_compare_is_not_run():
    with pytest.raises(NotRun, match="nothing to compare"):
        decide([])


def test_false_verdicts_are_rare_under_no_difference():
    """Without any difference a single comparison of 3 or 5 seeds supports a claim in about 2.5 % of cases."""
    random = np.random.default_rng(1)
    for n in (3, 5):
        names = [decide([Component("null", tuple(random.normal(0, 1, n)))]).name for _ in range(2000)]
        assert 0.015 < names.count("supported") / 2000 < 0.037
        assert 0.015 < names.count("not supported") / 2000 < 0.037


def test_bounds_and_ratios_are_shown_as_a_reader_wants_them():
    cell = Cell("error", {0: 0.02, 1: 0.03, 2: 0.04})
    part = below(cell, 0.05)
    assert part.as_shown(part.test.mean) == pytest.approx(0.03)
    low, high = part.interval_shown
    assert low < 0.03 < high
    assert part.as_shown(part.margin) == pytest.approx(0.05)
    ratio = Component("ratio", (np.log(2.0), np.log(4.5)), np.log(1.5), logarithmic=True)
    assert ratio.as_shown(ratio.test.mean) == pytest.approx(3.0)
    assert ratio.as_shown(ratio.margin) == pytest.approx(1.5)
    assert "0.030 [0.005, 0.055]" in evidence_text(decide([part]))
    assert "claimed < 0.0500, n = 3" in evidence_text(decide([part]))


def test_a_contradiction_that_correction_takes_away_is_said():
    mild, sure = Component("mild", (-1.0, -1.5, -0.6, -1.9)), Component("sure", (1.0, 1.1, 0.9, 1.05, 0.95))
    text = evidence_text(decide([mild] + [sure] * 30))
    assert text.endswith("30 of 31 comparisons hold; contradicted, but not after correction for their number")
    assert "contradicted" not in evidence_text(decide([mild]))
