"""Every criterion on numbers made by hand: supported, contradicted, undecided, and not run."""

from dataclasses import replace
from pathlib import Path

import pytest
from claims_support import ORDER, flat, judge, make_study, noise, ordered
from scipy import stats

from sngan_repro.analysis.claims.cells import Cell, dominates
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.verdict import NotRun


def test_leads(make_evidence):
    evidence = make_evidence(ordered)
    for metric in ("is", "fid"):
        assert judge(evidence, "leads", method="SNGAN", metric=metric) == "supported"
        assert judge(evidence, "leads", method="WGAN-GP", metric=metric) == "not supported"
        assert judge(evidence, "leads", method="LN", metric=metric, worst=True) == "supported"
        assert judge(make_evidence(flat), "leads", method="SNGAN", metric=metric) == "undecided"


def test_leads_only_at_the_named_settings(make_evidence):
    def value(metric, label, setting, seed, place):
        better = {"A": "WGAN-GP"}.get(setting, "SNGAN")
        return (5 if label == better else 3) + noise(label, setting, seed)

    evidence = make_evidence(value)
    assert judge(evidence, "leads", method="SNGAN", metric="is", settings=["B", "C"]) == "supported"
    assert judge(evidence, "leads", method="SNGAN", metric="is", settings=["A", "B", "C"]) == "not supported"


def test_components_carry_pairs_and_runs(make_evidence):
    verdict = CRITERIA.get("leads")(make_evidence(ordered), method="SNGAN", metric="fid", settings=["A"])
    assert len(verdict.components) == 5
    part = next(part for part in verdict.components if "WGAN-GP" in part.what)
    expected = [1 + noise("SNGAN", "A", seed, 3) - noise("WGAN-GP", "A", seed, 3) for seed in range(5)]
    assert part.values == pytest.approx(expected)  # positive: lower FID is better
    assert "cifar10/SNGAN/A/seed0" in verdict.runs
    assert not any("/B/" in run for run in verdict.runs)


def test_a_diverged_run_of_the_favoured_method_blocks_support(make_evidence):
    evidence = make_evidence(ordered, diverged={"cifar10/SNGAN/B/seed2"})
    verdict = CRITERIA.get("leads")(evidence, method="SNGAN", metric="is")
    assert verdict.name == "undecided"
    assert "SNGAN at B: diverged with seed 2" in verdict.reason
    evidence = make_evidence(ordered, diverged={"cifar10/LN/B/seed2"})  # another method's loss does not
    verdict = CRITERIA.get("leads")(evidence, method="SNGAN", metric="is")
    assert verdict.name == "supported"
    assert min(part.test.n for part in verdict.components) == 4


def test_a_setting_is_chosen_on_seeds_of_its_own(make_evidence):
    def value(metric, label, setting, seed, place):
        return {"A": [9.0, 1.0, 1.0, 7.0], "B": [2.0, 2.0, 2.0, 3.0]}[setting][seed]

    evidence = make_evidence(value, make_study(seeds=4, settings="AB"))
    cell = evidence.chosen("SNGAN", evidence.metric("is"))  # seeds 0 and 1: A averages 5, B 2
    assert (cell.name, cell.values) == ("SNGAN at A (chosen on other seeds)", {2: 1.0, 3: 7.0})
    cell = evidence.chosen("SNGAN", evidence.metric("fid"))
    assert (cell.name, cell.values) == ("SNGAN at B (chosen on other seeds)", {2: 2.0, 3: 3.0})
    assert len(cell.runs) == 8
    lost = make_evidence(value, make_study(seeds=4, settings="AB"), diverged={"cifar10/SNGAN/A/seed1"})
    assert lost.chosen("SNGAN", lost.metric("is")).values == {2: 2.0, 3: 3.0}  # B, which lost no run
    alone = make_evidence(value, make_study(seeds=1, settings="AB"))
    with pytest.raises(NotRun, match="seeds of its own"):
        alone.chosen("SNGAN", alone.metric("is"))


def test_tuned_methods_are_compared_over_all_settings(make_evidence):
    """The best of one is above the best of the other if one of its settings is above each of the other's."""
    first = [Cell("X at A", {0: 1.0, 1: 1.2, 2: 1.1}), Cell("X at B", {0: 5.0, 1: 5.3, 2: 5.1})]
    second = [Cell("Y at A", {0: 4.0, 1: 4.1, 2: 4.2}), Cell("Y at B", {0: 2.0, 1: 2.1, 2: 2.2})]
    part = dominates(first, second)
    assert part.what == "X at B better than Y at A"
    hardest = stats.ttest_rel([5.0, 5.3, 5.1], [4.0, 4.1, 4.2], alternative="greater").pvalue
    assert part.test.p_above == pytest.approx(2 * hardest)  # one of two settings was chosen
    low, high = stats.ttest_rel([5.0, 5.3, 5.1], [4.0, 4.1, 4.2]).confidence_interval(0.975)
    assert (part.test.low, part.test.high) == (pytest.approx(low), pytest.approx(high))
    turned = dominates(second, first)
    assert turned.what == "Y at A better than X at B"
    assert turned.test.p_below == pytest.approx(part.test.p_above)
    assert turned.test.mean == pytest.approx(-part.test.mean)
    lost = dominates([replace(cell, diverged=(3,)) for cell in first], second)
    assert "diverged" in lost.blocked
    assert dominates([first[0], replace(first[1], diverged=(3,))], second).what == "X at A better than Y at A"


def test_leads_tuned_and_distance(make_evidence):
    evidence = make_evidence(ordered, real={"is6k@classifier": 2.4, "fid6k_train@classifier": 1.0})
    assert judge(evidence, "leads_tuned", method="SNGAN", metrics=["is", "fid"]) == "supported"
    assert judge(evidence, "leads_tuned", method="BN", metrics=["fid"]) == "not supported"
    # the last IS of SNGAN, 7.5, is farther from 2.4 than LN's 2.5
    assert judge(evidence, "leads_tuned", method="SNGAN", metrics=["is"], distance=True) == "not supported"
    assert judge(evidence, "leads_tuned", method="LN", metrics=["is"], distance=True) == "supported"
    with pytest.raises(NotRun, match="real images have no"):
        judge(make_evidence(ordered), "leads_tuned", method="SNGAN", metrics=["is"], distance=True)


def test_most_robust(make_evidence):
    spread = {"SNGAN": 0.1, "LN": 5.0}

    def value(metric, label, setting, seed, place):
        return 10 + spread.get(label, 1.0) * "ABC".index(setting) + noise(label, setting, seed) / 10

    evidence = make_evidence(value)
    assert judge(evidence, "most_robust", method="SNGAN", metric="is", by="range") == "supported"
    assert judge(evidence, "most_robust", method="LN", metric="is", by="range") == "not supported"
    assert judge(evidence, "most_robust", method="SNGAN", metric="fid", by="worst") == "supported"
    assert judge(evidence, "most_robust", method="LN", metric="fid", by="worst") == "not supported"


def test_below_the_best(make_evidence):
    evidence = make_evidence(ordered)
    low, high = ["EBGAN", "BN", "LN"], ["SNGAN", "WGAN-GP", "BEGAN"]
    assert judge(evidence, "below_the_best", low=low, high=high, metric="is") == "supported"
    assert judge(evidence, "below_the_best", low=high, high=low, metric="is") == "not supported"


def test_runner_up(make_evidence):
    def value(metric, label, setting, seed, place):
        bad = 3 if (label, setting) == ("WGAN-GP", "B") else 0
        return ordered(metric, label, setting, seed, place) + (bad if metric.startswith("fid") else -bad)

    options = {"leader": "SNGAN", "metric": "fid", "worst_setting": "B"}
    assert judge(make_evidence(value), "runner_up", method="WGAN-GP", **options) == "supported"
    assert judge(make_evidence(value), "runner_up", method="BEGAN", **options) == "not supported"


def test_setting_sensitive(make_evidence):
    def value(metric, label, setting, seed, place):
        return 100 + (50 if (label, setting) == ("LN", "A") else 0) + 10 * noise(label, setting, seed)

    options = {"metric": "fid", "worse": "A", "better": "B"}
    assert judge(make_evidence(value), "setting_sensitive", method="LN", **options) == "supported"
    assert judge(make_evidence(value), "setting_sensitive", method="BN", **options) == "not supported"


def test_level_and_near_best(make_evidence):
    shift = {"SNGAN": 0.0, "WGAN-GP": 0.004, "BN": 5.0}

    def value(metric, label, setting, seed, place):
        return 100 + shift.get(label, 0) + noise(label, seed)

    evidence = make_evidence(value, make_study(seeds=16))
    options = {"metric": "fid", "setting": "A"}
    assert judge(evidence, "level", first="WGAN-GP", second="SNGAN", **options) == "supported"
    assert judge(evidence, "level", first="BN", second="SNGAN", **options) == "not supported"
    near = {"among": ["SNGAN", "LN"], "share": 0.03, **options}
    assert judge(evidence, "near_best", method="WGAN-GP", **near) == "supported"
    assert judge(evidence, "near_best", method="BN", **near) == "not supported"


def test_beats_and_exceeds_real(make_evidence):
    evidence = make_evidence(ordered, real={"fid6k_train@classifier": 20.0})
    place = {"setting": "C", "metric": "fid"}
    assert judge(evidence, "beats", method="SNGAN", other="BN", **place) == "supported"
    assert judge(evidence, "beats", method="BN", other="SNGAN", **place) == "not supported"
    # SNGAN's last FID is 100 - 7.5 = 92.5
    assert judge(evidence, "exceeds_real", method="SNGAN", factor=4, **place) == "supported"
    assert judge(evidence, "exceeds_real", method="SNGAN", factor=5, **place) == "not supported"


def test_settings_of_one_method(make_evidence):
    def value(metric, label, setting, seed, place):
        return {"A": 10, "B": 10, "C": 14}[setting] + noise(setting, seed)

    evidence = make_evidence(value, make_study(seeds=16))
    options = {"method": "SNGAN", "metric": "fid"}
    found = judge(evidence, "setting_replaces", setting="A", level_with="B", better_than="C", **options)
    assert found == "supported"
    found = judge(evidence, "setting_replaces", setting="A", level_with="C", better_than="B", **options)
    assert found == "not supported"
    assert judge(evidence, "setting_near", setting="A", near="B", share=0.2, **options) == "supported"
    assert judge(evidence, "setting_near", setting="C", near="A", share=0.2, **options) == "not supported"
    lost = make_evidence(value, make_study(seeds=5), diverged={"cifar10/SNGAN/A/seed4"})
    verdict = CRITERIA.get("setting_near")(lost, setting="A", near="B", share=0.2, **options)
    assert (verdict.name, verdict.reason) == ("undecided", "SNGAN at A: 1 of 5 runs diverged")


def test_monotone(make_evidence):
    def dip(metric, label, setting, seed, place):
        sign = 1 if metric.startswith("is") else -1
        lost = 2 if label == "EBGAN" and place == 2 else 0
        return 50 + sign * (place - lost) + noise(label, seed, place)

    for metric in ("is", "fid"):
        assert judge(make_evidence(ordered), "monotone", metric=metric, setting="C") == "supported"
        assert judge(make_evidence(dip), "monotone", metric=metric, setting="C") == "not supported"


def test_largest_gain_and_start_alike(make_evidence):
    def value(metric, label, setting, seed, place):
        return 2 + (0.8 if label == "SNGAN" else 0.2) * place + noise(label, seed, place)

    evidence = make_evidence(value)
    assert judge(evidence, "largest_gain", method="SNGAN", metric="is", setting="C") == "supported"
    assert judge(evidence, "largest_gain", method="LN", metric="is", setting="C") == "not supported"
    assert judge(evidence, "start_alike", metric="is", setting="C") == "supported"
    assert judge(make_evidence(ordered), "start_alike", metric="is", setting="C") == "not supported"


def test_ranking_settles(make_evidence):
    def reversed_(metric, label, setting, seed, place):
        return ORDER[label] * (1 if place < 2 else -1) + noise(label, seed)

    options = {"metric": "is", "setting": "C", "min_rho": 0.8}
    assert judge(make_evidence(ordered), "ranking_settles", **options) == "supported"
    assert judge(make_evidence(reversed_), "ranking_settles", **options) == "not supported"


def test_claims_about_longer_training_need_it(make_evidence):
    evidence = make_evidence(ordered)  # snapshots at epochs 1, 2, 3, 4
    options = {"metric": "is", "setting": "C"}
    assert judge(evidence, "still_improving", from_epoch=2, to_epoch=4, **options) == "supported"
    with pytest.raises(NotRun, match="needs a snapshot at epoch 600; this study ends at epoch 4"):
        judge(evidence, "still_improving", from_epoch=2, to_epoch=600, **options)
    with pytest.raises(NotRun, match="needs the setting Z"):
        judge(evidence, "still_improving", from_epoch=2, to_epoch=4, metric="is", setting="Z")


def test_missing_methods_and_settings_are_named(make_evidence):
    with pytest.raises(NotRun, match=r"needs the method SNGAN\+BN"):
        judge(make_evidence(flat), "level", first="SNGAN+BN", second="SNGAN", metric="fid", setting="C")
    with pytest.raises(NotRun, match="needs the settings X and Y"):
        judge(make_evidence(flat), "leads", method="SNGAN", metric="is", settings=["X", "Y"])
    with pytest.raises(NotRun, match="needs a protocol with the metric `kid`"):
        judge(make_evidence(flat), "leads", method="SNGAN", metric="kid")


def test_every_criterion_is_tested_here():
    source = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_criteria*.py"))
    assert [name for name in CRITERIA.names() if f'"{name}"' not in source] == []
