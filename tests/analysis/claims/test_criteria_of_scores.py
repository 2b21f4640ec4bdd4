"""Criteria about scores against numbers, failed runs and modes; the criteria about D that the MNIST tutorial needs."""

from __future__ import annotations

import pandas as pd
import pytest
from claims_support import flat, judge, make_study, noise

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.verdict import NotRun

SCORES = [{"evaluator": "classifier", "metrics": ["fid", "confidence", "modes", "modes_kl"], "num_fake": 6000}]


def test_score_beyond(make_evidence):
    def value(metric, label, setting, seed, place):
        return (0.95 if metric.startswith("confidence") else 8) + noise(label, seed)

    evidence = make_evidence(value, make_study(scores=SCORES))
    options = {"method": "SNGAN", "setting": "A"}
    assert judge(evidence, "score_beyond", metric="confidence", bound=0.9, **options) == "supported"
    assert judge(evidence, "score_beyond", metric="confidence", bound=0.99, **options) == "not supported"
    assert judge(evidence, "score_beyond", metric="fid", bound=9, **options) == "supported"
    assert judge(evidence, "score_beyond", metric="fid", bound=7, **options) == "not supported"


def test_fails_least(make_evidence):
    """BN is three times worse at two of three settings; at the third nothing fails."""

    def value(metric, label, setting, seed, place):
        return (30 if label == "BN" and setting in "AB" else 10) + noise(label, setting, seed)

    evidence = make_evidence(value)
    options = {"method": "SNGAN", "others": ["BN"], "metric": "fid"}
    verdict = CRITERIA.get("fails_least")(evidence, **options)
    assert verdict.name == "supported"
    assert verdict.shown.values == pytest.approx([2 / 3] * 5)
    assert judge(evidence, "fails_least", method="BN", others=["SNGAN"], metric="fid") == "not supported"
    assert judge(evidence, "fails_least", method="SNGAN", others=["LN"], metric="fid") == "undecided"  # none fails
    with pytest.raises(NotRun, match="smaller when better"):
        judge(evidence, "fails_least", method="SNGAN", others=["BN"], metric="is")


def test_a_diverged_run_has_failed(make_evidence):
    lost = [f"cifar10/BN/{setting}/seed{seed}" for setting in "AB" for seed in range(5)]
    evidence = make_evidence(lambda *key: 10 + noise(*key), diverged=lost)
    verdict = CRITERIA.get("fails_least")(evidence, method="SNGAN", others=["BN"], metric="fid")
    assert verdict.shown.values == pytest.approx([2 / 3] * 5)


def test_covers_modes(make_evidence):
    def value(metric, label, setting, seed, place):
        if metric.startswith("modes_kl"):
            return {"SNGAN": 0.3, "BN": 0.6}.get(label, 0.05) + noise(label, seed)
        return 7 if label == "LN" else 10

    evidence = make_evidence(value, make_study(scores=SCORES))
    options = {"method": "SNGAN", "setting": "A"}
    assert judge(evidence, "covers_modes", others=["BN"], **options) == "supported"
    assert judge(evidence, "covers_modes", others=["BN", "EBGAN"], **options) == "not supported"  # more even
    assert judge(evidence, "covers_modes", method="LN", setting="A", others=["BN"]) == "not supported"  # 7 modes
    assert judge(evidence, "covers_modes", method="LN", setting="A", others=["BN"], tolerance=0.5) == "supported"


def constant_logs(**columns):
    """Five rows of the columns, given as functions of the label."""

    def log(folder):
        label = folder.split("/")[1]
        values = {name.replace("__", "/"): function(label) + noise(folder, name) for name, function in columns.items()}
        return pd.DataFrame({"step": [500, 1000, 1500, 2000, 2500], **values})

    return log


def test_accuracy_below(make_evidence):
    accuracies = {"d__accuracy_real": lambda label: 0.6 if label == "SNGAN" else 0.9, "d__accuracy_fake": lambda _: 0.7}
    evidence = make_evidence(flat, logs=constant_logs(**accuracies))
    assert judge(evidence, "accuracy_below", method="SNGAN", other="BN", setting="A") == "supported"
    assert judge(evidence, "accuracy_below", method="BN", other="SNGAN", setting="A") == "not supported"
    with pytest.raises(NotRun, match="D's accuracy measured after update 2500"):
        judge(evidence, "accuracy_below", method="BN", other="SNGAN", setting="A", after_steps=2500)


def test_log_within(make_evidence):
    evidence = make_evidence(flat, logs=constant_logs(d__interpolated_gradient_mean=lambda _: 1.0))
    options = {"method": "SNGAN", "setting": "A", "column": "d/interpolated_gradient_mean"}
    assert judge(evidence, "log_within", low=0.9, high=1.1, **options) == "supported"
    assert judge(evidence, "log_within", high=0.9, **options) == "not supported"
    assert judge(evidence, "log_within", low=1.1, **options) == "not supported"
    with pytest.raises(NotRun, match="needs the column 'd/nothing'"):
        judge(evidence, "log_within", **{**options, "column": "d/nothing"}, low=0)


def test_the_largest_divergence_is_log_2(make_evidence):
    verdict = CRITERIA.get("largest_jsd_is_one")(make_evidence(flat))
    assert verdict.name == "not supported"
    assert verdict.shown.values == pytest.approx((0.693147,), abs=1e-6)
    assert "base 2 it is 1" in verdict.remark


def test_robustness_among_named_methods(make_evidence):
    def value(metric, label, setting, seed, place):
        wide = {"SNGAN": 1, "BN": 5}.get(label, 0)
        return 20 + wide * "ABC".index(setting) + noise(label, setting, seed)

    evidence = make_evidence(value)
    options = {"method": "SNGAN", "metric": "fid", "by": "range"}
    assert judge(evidence, "most_robust", others=["BN"], **options) == "supported"
    assert judge(evidence, "most_robust", **options) == "not supported"
