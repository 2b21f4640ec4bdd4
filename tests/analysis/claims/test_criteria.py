"""Every criterion on numbers made by hand: supported, contradicted, undecided, and not run."""

import zlib

import numpy as np
import pandas as pd
import pytest
from claims_support import LABELS, make_study

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.criteria.logs import change_point, rolling_sd
from sngan_repro.analysis.claims.verdict import NotRun

ORDER = {label: len(LABELS) - place for place, label in enumerate(LABELS)}  # SNGAN best


def noise(*key):
    """A small number that depends on the key only."""
    words = [zlib.crc32(str(part).encode()) for part in key]
    return 0.02 * float(np.random.default_rng(words).standard_normal())


def ordered(metric, label, setting, seed, place):
    """Methods in the order of LABELS at every setting and snapshot; IS up, FID down with training."""
    skill = ORDER[label] + 0.5 * place + noise(label, setting, seed, place)
    return skill if metric.startswith("is") else 100 - skill


def flat(metric, label, setting, seed, place):
    """No difference between anything but noise."""
    return 10 + noise(metric, label, setting, seed, place)


def judge(evidence, test, **options):
    return CRITERIA.get(test)(evidence, **options).name


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


def test_tuned_chooses_each_seeds_setting_on_the_others(make_evidence):
    def value(metric, label, setting, seed, place):
        return {"A": [9.0, 1.0, 1.0], "B": [2.0, 2.0, 2.0]}[setting][seed]

    evidence = make_evidence(value, make_study(seeds=3, settings="AB"))
    # without seed 0: A averages 1, B 2 -> B. Without seed 1 or 2: A averages 5 -> A.
    assert evidence.tuned("SNGAN", evidence.metric("is")).values == {0: 2.0, 1: 1.0, 2: 1.0}


def test_tuned_prefers_settings_that_finish(make_evidence):
    def value(metric, label, setting, seed, place):
        return {"A": 9.0, "B": 2.0}[setting]

    study = make_study(seeds=3, settings="AB")
    evidence = make_evidence(value, study, diverged={"cifar10/SNGAN/A/seed1"})
    cell = evidence.tuned("SNGAN", evidence.metric("is"))
    assert cell.values == {
        0: 2.0,
        2: 2.0,
    }  # for seeds 0 and 2 setting A lost a run; for seed 1 it lost none: A, diverged
    assert cell.diverged == (1,)


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
        return 100 + shift.get(label, 0) + 2 * noise(seed) + 0.001 * noise(label, seed)

    evidence = make_evidence(value)
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
        return {"A": 10, "B": 10, "C": 14}[setting] + 2 * noise(seed) + 0.01 * noise(setting, seed)

    evidence = make_evidence(value)
    options = {"method": "SNGAN", "metric": "fid"}
    found = judge(evidence, "setting_replaces", setting="A", level_with="B", better_than="C", **options)
    assert found == "supported"
    found = judge(evidence, "setting_replaces", setting="A", level_with="C", better_than="B", **options)
    assert found == "not supported"
    assert judge(evidence, "setting_near", setting="A", near="B", share=0.2, **options) == "supported"
    assert judge(evidence, "setting_near", setting="C", near="A", share=0.2, **options) == "not supported"
    lost = make_evidence(value, diverged={"cifar10/SNGAN/A/seed4"})
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


FAULTY = [
    {"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 6000},
    {"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 6000, "fault_distinct": 50},
]


def with_fault(metric, label, setting, seed, place):
    base = ordered(metric, label, setting, seed, place) + noise(metric, label, setting, seed) / 10
    return base + 40 if "50x120" in metric and metric.startswith("fid") else base


def test_faults_of_the_evaluation(make_evidence):
    study = make_study(scores=FAULTY)
    real = {"fid6k_train@classifier": 1.0, "fid6k_train_50x120@classifier": 30.0}
    real |= {"is6k@classifier": 9.0, "is6k_50x120@classifier": 8.9}
    evidence = make_evidence(with_fault, study, real)
    faults = {"fault_distinct": 50}
    options = {"faults": faults, "share": 0.1}
    assert judge(evidence, "fault_harmless", metrics=["is"], **options) == "supported"
    assert judge(evidence, "fault_harmless", metrics=["fid"], **options) == "not supported"
    assert judge(evidence, "fault_harmless_real", metrics=["is"], **options) == "supported"
    assert judge(evidence, "fault_harmless_real", metrics=["is", "fid"], **options) == "not supported"
    with pytest.raises(NotRun, match="`fault_contrast_stretch: true`"):
        judge(evidence, "fault_harmless", metrics=["fid"], faults={"fault_contrast_stretch": True}, share=0.1)
    assert evidence.metric("fid") == "fid6k_train@classifier"


def test_training_against_evaluation(make_evidence):
    evidence = make_evidence(with_fault, make_study(scores=FAULTY))
    options = {"method": "SNGAN", "setting": "C", "from_epoch": 3, "to_epoch": 4, "faults": {"fault_distinct": 50}}
    assert judge(evidence, "training_beats_evaluation", metric="is", **options) == "supported"  # 0.5 against 0
    assert judge(evidence, "training_beats_evaluation", metric="fid", **options) == "not supported"  # 0.5 against 40


def test_published_values_need_their_evaluator(make_evidence):
    with pytest.raises(NotRun, match="needs the evaluator inception"):
        judge(
            make_evidence(with_fault, make_study(scores=FAULTY)),
            "published_values",
            metrics=["fid"],
            faults={"fault_distinct": 50},
        )
    scores = [{**protocol, "evaluator": "inception"} for protocol in FAULTY]
    table = {"SNGAN": 173.387, "WGAN-GP": 186.357, "BEGAN": 193.063, "EBGAN": 232.225, "BN": 243.652, "LN": 219.828}

    def value(metric, label, setting, seed, place):
        return table[label] + 20 * noise(label, setting, seed)

    options = {"metrics": ["fid"], "faults": {"fault_distinct": 50}, "num_sd": 4}
    assert judge(make_evidence(value, make_study(scores=scores)), "published_values", **options) == "supported"
    table["LN"] = 100.0
    assert judge(make_evidence(value, make_study(scores=scores)), "published_values", **options) == "not supported"


def test_ranking_holds(make_evidence):
    """The published IS ranking: SNGAN, WGAN-GP, LN, BEGAN, BN, EBGAN."""
    published = ["SNGAN", "WGAN-GP", "LN", "BEGAN", "BN", "EBGAN"]

    def value(metric, label, setting, seed, place, sign=1):
        return sign * -published.index(label) + 1.1 * (seed % 2) * (label == "BN")  # odd seeds swap two neighbours

    evidence = make_evidence(value, make_study())
    assert judge(evidence, "ranking_holds", metrics=["is"], min_tau=0.6) == "supported"
    evidence = make_evidence(lambda *given: value(*given, sign=-1), make_study())
    assert judge(evidence, "ranking_holds", metrics=["is"], min_tau=0.6) == "not supported"
    with pytest.raises(NotRun, match="needs published values"):
        judge(make_evidence(value, reference=None), "ranking_holds", metrics=["is"])


def losses(growing, ratio=2.0, steps=4000):
    """Logs whose loss fluctuation jumps threefold at half time (or not); L_G fluctuates ``ratio`` times as much."""

    def log(folder):
        random = np.random.default_rng(list(folder.encode()))
        scale = np.where(np.arange(steps) < steps / 2, 1.0, 3.0 if growing else 1.0)
        return pd.DataFrame(
            {
                "step": np.arange(1, steps + 1),
                "d_loss": 1 + scale * random.standard_normal(steps) * 0.1,
                "g_loss": 1 + ratio * scale * random.standard_normal(steps) * 0.1,
                "pulling_away": -1 / 63 + 1e-6 * random.standard_normal(steps),
                "spectral/conv": np.where(np.arange(steps) % 100 == 0, 1.02 + noise(folder) / 20, np.nan),
            }
        )

    return log


def test_losses(make_evidence):
    place = {"method": "SNGAN", "setting": "C"}
    assert judge(make_evidence(flat, logs=losses(True)), "spread_grows_late", **place) == "supported"
    assert judge(make_evidence(flat, logs=losses(False)), "spread_grows_late", **place) == "not supported"
    assert judge(make_evidence(flat, logs=losses(True)), "loss_ratio", **place) == "supported"
    assert judge(make_evidence(flat, logs=losses(True, ratio=5)), "loss_ratio", **place) == "not supported"


def test_power_iteration(make_evidence):
    place = {"method": "SNGAN", "setting": "C"}
    evidence = make_evidence(flat, make_study(), logs=losses(True))
    assert judge(evidence, "power_iteration", max_error=0.05, **place) == "supported"  # |1 / 1.02 - 1| = 0.0196
    assert judge(evidence, "power_iteration", max_error=0.01, **place) == "not supported"
    with pytest.raises(NotRun, match="after update 5000"):
        judge(evidence, "power_iteration", after_steps=5000, **place)


def test_term_varies(make_evidence):
    with pytest.raises(NotRun, match="fault_constant_pulling_away: true"):
        judge(
            make_evidence(flat), "term_varies", option="fault_constant_pulling_away", column="pulling_away", setting="C"
        )
    study = make_study(methods=[{"name": "ebgan_with_faults", "label": "EBGAN", "fault_constant_pulling_away": True}])
    evidence = make_evidence(flat, study, logs=losses(True), reference=None)
    options = {"option": "fault_constant_pulling_away", "setting": "C"}
    assert judge(evidence, "term_varies", column="pulling_away", **options) == "not supported"
    assert judge(evidence, "term_varies", column="d_loss", **options) == "supported"
    with pytest.raises(NotRun, match="column 'k'"):
        judge(evidence, "term_varies", column="k", **options)


def test_rolling_sd_and_change_point_by_hand():
    values = np.concatenate([np.tile([0.0, 1.0], 400), np.tile([0.0, 3.0], 400)])  # 1600 values, windows of 16
    found = rolling_sd(values)
    assert len(found) == 100
    assert found[0] == pytest.approx(np.std([0, 1] * 8, ddof=1))
    assert found[-1] == pytest.approx(3 * found[0])
    assert change_point(found) == 0.5
    with pytest.raises(NotRun, match="longer training"):
        rolling_sd(np.zeros(70))


def test_arithmetic(make_evidence):
    evidence = make_evidence(flat)
    assert judge(evidence, "only_largest_changes", shape=[8, 20]) == "not supported"
    budget = {"epochs": 300, "batch_size": 64, "original_steps": 100_000}
    verdict = CRITERIA.get("fewer_updates")(evidence, n_dis=1, **budget)
    assert verdict.name == "not supported"
    shown = verdict.shown
    assert (shown.as_shown(shown.test.mean), shown.as_shown(shown.margin)) == (234_300, 100_000)
    assert judge(evidence, "fewer_updates", n_dis=5, **budget) == "supported"


def test_missing_methods_and_settings_are_named(make_evidence):
    with pytest.raises(NotRun, match=r"needs the method SNGAN\+BN"):
        judge(make_evidence(flat), "level", first="SNGAN+BN", second="SNGAN", metric="fid", setting="C")
    with pytest.raises(NotRun, match="needs the settings X and Y"):
        judge(make_evidence(flat), "leads", method="SNGAN", metric="is", settings=["X", "Y"])
    with pytest.raises(NotRun, match="needs a protocol with the metric `kid`"):
        judge(make_evidence(flat), "leads", method="SNGAN", metric="kid")


def test_every_criterion_is_tested_here():
    source = open(__file__, encoding="utf-8").read()  # noqa: PTH123, SIM115
    assert [name for name in CRITERIA.names() if f'"{name}"' not in source] == []
