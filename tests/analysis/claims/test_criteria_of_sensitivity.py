"""The criteria about the sensitivity to hyper-parameters, on numbers made by hand."""

from __future__ import annotations

import pytest
from claims_support import flat, judge, make_study, noise

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.verdict import NotRun
from sngan_repro.core.schema import ConfigError

INCEPTION = [{"evaluator": "inception", "metrics": ["is", "fid"], "num_fake": 6000}]


def at_settings(**by_setting):
    """FID of the settings, equal for all methods; IS is 100 minus that."""

    def value(metric, label, setting, seed, place):
        fid = by_setting[setting] + noise(label, setting, seed)
        return 100 - fid if metric.startswith("is") else fid

    return value


def test_fails_at(make_evidence):
    options = {"method": "SNGAN", "metric": "fid", "settings": ["C"], "factor": 2}
    evidence = make_evidence(at_settings(A=20, B=25, C=50))  # 2.5 times its best
    assert judge(evidence, "fails_at", **options) == "supported"
    assert judge(evidence, "fails_at", **options | {"settings": ["B", "C"]}) == "not supported"
    with pytest.raises(NotRun, match="smaller when better"):
        judge(evidence, "fails_at", **options | {"metric": "is"})


def test_a_diverged_run_fails_with_the_worst_score_of_the_study(make_evidence):
    lost = {f"cifar10/SNGAN/C/seed{seed}" for seed in range(5)}

    def value(metric, label, setting, seed, place):
        return (60 if label == "BN" else 20) + noise(label, setting, seed)

    options = {"method": "SNGAN", "metric": "fid", "settings": ["C"], "factor": 2}
    verdict = CRITERIA.get("fails_at")(make_evidence(value, diverged=lost), **options)
    assert verdict.name == "supported"
    assert verdict.shown.test.n == 5
    assert 19 < verdict.shown.test.mean < 21  # 60 - 2 x 20
    assert judge(make_evidence(value), "fails_at", **options) == "not supported"


def test_near_best_setting(make_evidence):
    evidence = make_evidence(at_settings(A=20, B=20.5, C=50))
    options = {"method": "SNGAN", "metric": "fid", "share": 0.05}
    assert judge(evidence, "near_best_setting", setting="A", **options) == "supported"
    assert judge(evidence, "near_best_setting", setting="B", **options) == "supported"  # 2.5 % above A
    assert judge(evidence, "near_best_setting", setting="C", **options) == "not supported"


def test_variants_vary_less(make_evidence):
    options = {"variants": ["SNGAN", "WGAN-GP", "LN"], "setting": "A", "method": "SNGAN", "metric": "fid"}
    assert judge(make_evidence(at_settings(A=20, B=25, C=50)), "variants_vary_less", **options) == "supported"

    def labels_differ(metric, label, setting, seed, place):
        return {"SNGAN": 10, "WGAN-GP": 20, "LN": 90}.get(label, 50) + noise(label, setting, seed)

    assert judge(make_evidence(labels_differ), "variants_vary_less", **options) == "not supported"


def n_dis_study():
    settings = {f"n{k}": {"lr": 0.001, "n_dis": k} for k in (1, 2, 5)}
    return make_study(settings=settings)


def test_trend_over_settings(make_evidence):
    def value(metric, label, setting, seed, place):
        n_dis = int(setting[1:])
        fall = {1: 0, 2: 0.5, 5: 1.16}[n_dis] if label == "WGAN-GP" else 0
        return 5 - fall + noise(label, setting, seed)

    evidence = make_evidence(value, n_dis_study())
    options = {"metric": "is", "key": "n_dis", "settings": ["n1", "n2", "n5"], "tolerance_sd": 3}
    verdict = CRITERIA.get("trend_over_settings")(evidence, worsens="WGAN-GP", steady="SNGAN", **options)
    assert verdict.name == "supported"
    assert verdict.components[0].as_shown(verdict.components[0].test.mean) == pytest.approx(-0.5, abs=0.03)
    assert judge(evidence, "trend_over_settings", worsens="SNGAN", steady="WGAN-GP", **options) == "not supported"
    with pytest.raises(NotRun, match="three values"):
        judge(evidence, "trend_over_settings", worsens="LN", steady="BN", **options | {"settings": ["n1", "n2"]})
    with pytest.raises(NotRun, match="a number for `lr_d`"):
        judge(evidence, "trend_over_settings", worsens="LN", steady="BN", **options | {"key": "lr_d"})


def test_trend_over_variants(make_evidence):
    width = {"SNGAN": 1, "WGAN-GP": 2, "BEGAN": 4}
    other = {"EBGAN": 1, "BN": 2, "LN": 4}

    def value(metric, label, setting, seed, place):
        fall = {1: 0, 2: 1, 4: 2}[width[label]] if label in width else 0
        return 5 - fall + noise(label, setting, seed)

    evidence = make_evidence(value)
    options = {"metric": "is", "setting": "A", "tolerance_sd": 3}
    assert judge(evidence, "trend_over_variants", worsens=width, steady=other, **options) == "supported"
    assert judge(evidence, "trend_over_variants", worsens=other, steady=width, **options) == "not supported"
    with pytest.raises(NotRun, match="the same numbers"):
        judge(evidence, "trend_over_variants", worsens={"SNGAN": 1}, steady=other, **options)


def test_published_within(make_evidence):
    def value(metric, label, setting, seed, place):
        return (4.05 if metric.startswith("is") else 180) + noise(label, setting, seed)  # published: 3.8849, 173.387

    evidence = make_evidence(value, make_study(seeds=10, scores=INCEPTION))
    assert judge(evidence, "published_within", method="SNGAN", metric="is", difference=0.2) == "supported"
    assert judge(evidence, "published_within", method="SNGAN", metric="is", difference=0.05) == "not supported"
    assert judge(evidence, "published_within", method="SNGAN", metric="fid", share=0.05) == "supported"  # 3.8 %
    assert judge(evidence, "published_within", method="SNGAN", metric="fid", share=0.03, setting="A") == "not supported"
    with pytest.raises(ConfigError, match="exactly one of `difference` and `share`"):
        judge(evidence, "published_within", method="SNGAN", metric="is")
    with pytest.raises(NotRun, match="needs the evaluator inception"):
        judge(make_evidence(value), "published_within", method="SNGAN", metric="is", difference=0.2)


def test_robustness_needs_settings(make_evidence):
    for by in ("range", "worst"):
        with pytest.raises(NotRun, match="needs two settings"):
            judge(make_evidence(flat, make_study(settings="A")), "most_robust", method="SNGAN", metric="fid", by=by)


def test_level_tuned_and_named_others(make_evidence):
    def value(metric, label, setting, seed, place):
        skill = {"SNGAN": 5, "LN": 4, "BN": 9}.get(label, 5) + noise(label, setting, seed, metric)
        return skill if metric.startswith("is") else 100 - skill

    evidence = make_evidence(value, make_study(seeds=8))
    options = {"metric": "is", "tolerance_sd": 5}
    assert judge(evidence, "level_tuned", first="SNGAN", second="EBGAN", **options) == "supported"
    assert judge(evidence, "level_tuned", first="SNGAN", second="LN", **options) == "not supported"
    both = {"method": "SNGAN", "metrics": ["is", "fid"]}
    assert judge(evidence, "leads_tuned", others=["LN"], **both) == "supported"
    assert judge(evidence, "leads_tuned", others=["LN", "BN"], **both) == "not supported"
    with pytest.raises(NotRun, match="needs the method WN"):
        judge(evidence, "leads_tuned", others=["WN"], **both)
    place = {"method": "SNGAN", "metric": "is", "setting": "A"}
    assert judge(evidence, "beats", other=["LN"], **place) == "supported"
    assert judge(evidence, "beats", other=["LN", "BN"], **place) == "not supported"
    with pytest.raises(NotRun, match="needs the evaluator inception"):
        judge(evidence, "beats", other="LN", margin=0.2, **place)
    published = make_evidence(value, make_study(scores=INCEPTION))
    assert judge(published, "beats", other="LN", margin=0.8, **place) == "supported"
    assert judge(published, "beats", other="LN", margin=1.2, **place) == "not supported"


def test_a_claim_about_another_source_is_not_run(make_evidence):
    from sngan_repro.analysis.claims.judge import judge as verdict_of
    from sngan_repro.analysis.claims.ledger import Claim

    values = {"id": "1", "where": "x", "statement": "x", "quantity": "x", "criterion": "x", "test": "leads"}
    options = {"method": "SNGAN", "metric": "is"}
    there = verdict_of(Claim(**values, options=options, source="stl10"), make_evidence(flat))
    assert (there.name, there.reason) == ("not run", "is about stl10; this dataset is cifar10")
    assert verdict_of(Claim(**values, options=options, source="cifar10"), make_evidence(flat)).name == "undecided"


def test_a_copy_of_the_source_counts_as_the_source(make_evidence, tmp_path):
    from sngan_repro.analysis.claims.judge import judge as verdict_of
    from sngan_repro.analysis.claims.ledger import Claim

    values = {"id": "1", "where": "x", "statement": "x", "quantity": "x", "criterion": "x", "test": "leads"}
    claim = Claim(**values, options={"method": "SNGAN", "metric": "is"}, source="cifar10")
    images = {"source": "images", "path": str(tmp_path), "image_size": 28}
    copy = make_study(datasets={"cifar10": {**images, "copy_of": "cifar10"}})
    other = make_study(datasets={"cifar10": images})
    assert verdict_of(claim, make_evidence(flat, copy)).name == "undecided"
    assert verdict_of(claim, make_evidence(flat, other)).reason == "is about cifar10; this dataset is images"
