"""The criteria about faults of the evaluation, published values and arithmetic."""

import pytest
from claims_support import flat, judge, make_study, noise, ordered

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.verdict import NotRun

FAULTY = [
    {"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 6000},
    {"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 6000, "fault_distinct": 50},
]


def with_fault(metric, label, setting, seed, place):
    base = ordered(metric, label, setting, seed, place) + noise(metric, label, setting, seed) / 10
    return base + 40 if "50x120" in metric and metric.startswith("fid") else base


def test_faults_of_the_evaluation(make_evidence):
    study = make_study(scores=FAULTY)
    draws = {"fid6k_train": 1.0, "fid6k_train_50x120": 30.0, "is6k": 9.0, "is6k_50x120": 8.9}
    real = {f"{name}@classifier": [mean, mean + 0.02, mean - 0.01] for name, mean in draws.items()}
    evidence = make_evidence(with_fault, study, real)
    faults = {"fault_distinct": 50}
    options = {"faults": faults, "share": 0.1}
    assert judge(evidence, "fault_harmless", metrics=["is"], **options) == "supported"
    assert judge(evidence, "fault_harmless", metrics=["fid"], **options) == "not supported"
    assert judge(evidence, "fault_harmless_real", metrics=["is"], **options) == "supported"
    assert judge(evidence, "fault_harmless_real", metrics=["is", "fid"], **options) == "not supported"
    # Draws decide: a change of 0.05, 0.08, 0.12, 0.09, 0.11 is neither shown to be below 0.1 nor above.
    names = {evidence.metric("fid"): 1.0, evidence.faulty("fid", faults): [1.05, 1.08, 1.12, 1.09, 1.11]}
    varied = make_evidence(with_fault, make_study(scores=FAULTY), real=names)
    assert judge(varied, "fault_harmless_real", metrics=["fid"], **options) == "undecided"
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


def test_arithmetic(make_evidence):
    evidence = make_evidence(flat)
    assert judge(evidence, "only_largest_changes", shape=[8, 20]) == "not supported"
    budget = {"epochs": 300, "batch_size": 64, "original_steps": 100_000}
    verdict = CRITERIA.get("fewer_updates")(evidence, n_dis=1, **budget)
    assert verdict.name == "not supported"
    shown = verdict.shown
    assert (shown.as_shown(shown.test.mean), shown.as_shown(shown.margin)) == (234_300, 100_000)
    assert judge(evidence, "fewer_updates", n_dis=5, **budget) == "supported"
