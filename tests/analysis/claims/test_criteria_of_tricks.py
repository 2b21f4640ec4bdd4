"""Criteria about the advice of tutorials, on numbers given by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claims_support import flat, judge, make_study, noise

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.ledger import load_ledger
from sngan_repro.analysis.claims.verdict import NotRun

TWO = {"method": "SNGAN", "other": "BN", "setting": "A"}


def test_the_game_value_is_computed_and_can_fail(make_evidence):
    verdict = CRITERIA.get("game_value_at_equal_densities")(make_evidence(flat))
    assert verdict.name == "supported"
    (component,) = verdict.components
    assert component.as_shown(component.values[0]) < 1e-9
    least = float(verdict.remark.split()[-1])
    assert least < 1.386 - 0.05  # another density gives D a lower loss
    assert judge(make_evidence(flat), "game_value_at_equal_densities", tolerance=-1e-3) == "not supported"


def gradients(large: str):
    """Logs in which G's gradient is three times as large for one label in the first 50 updates, and equal later."""

    def read(folder: str) -> pd.DataFrame:
        label = folder.split("/")[1]
        steps = np.arange(1, 101)
        early = 3.0 if label == large else 1.0
        values = np.where(steps <= 50, early, 1.0) * (1 + noise(folder))
        return pd.DataFrame({"step": steps, "grad_norm_g": values})

    return read


def test_larger_early_gradient(make_evidence):
    evidence = make_evidence(flat, logs=gradients("SNGAN"))
    verdict = CRITERIA.get("larger_early_gradient")(evidence, **TWO, steps=50)
    assert verdict.name == "supported"
    assert verdict.components[0].as_shown(verdict.components[0].test.mean) == pytest.approx(3, rel=0.05)
    other = make_evidence(flat, logs=gradients("BN"))
    assert judge(other, "larger_early_gradient", **TWO, steps=50) == "not supported"


def test_larger_early_gradient_with_a_score(make_evidence):
    def value(metric, label, setting, seed, place):
        return (50 if label == "SNGAN" else 80) + noise(label, seed)

    def worse(metric, label, setting, seed, place):
        return (80 if label == "SNGAN" else 50) + noise(label, seed)

    logs = gradients("SNGAN")
    assert judge(make_evidence(value, logs=logs), "larger_early_gradient", **TWO, steps=50, metric="fid") == "supported"
    assert (
        judge(make_evidence(worse, logs=logs), "larger_early_gradient", **TWO, steps=50, metric="fid")
        == "not supported"
    )


def test_early_gradient_falls(make_evidence):
    """The gradient of SNGAN is three times that of BN."""
    criterion, evidence = "early_gradient_falls", make_evidence(flat, logs=gradients("SNGAN"))
    assert judge(evidence, criterion, methods=["SNGAN", "BN"], setting="A") == "supported"
    assert judge(evidence, criterion, methods=["BN", "SNGAN"], setting="A") == "not supported"
    assert judge(evidence, criterion, methods=["SNGAN", "BN", "LN"], setting="A") == "undecided"  # BN and LN are equal
    with pytest.raises(NotRun, match="needs the method D-1000"):
        judge(evidence, criterion, methods=["SNGAN", "D-1000"], setting="A")


def falling(*values):
    """FID of every method at the four snapshots, epochs 1 to 4."""
    return lambda metric, label, setting, seed, place: values[place] + noise(label, setting, seed, place)


AT_A = {"method": "SNGAN", "metric": "fid", "setting": "A"}


def test_falls_by_share(make_evidence):
    options = {**AT_A, "share": 0.5, "from_epoch": 1, "to_epoch": 4}
    assert judge(make_evidence(falling(100, 90, 60, 40)), "falls_by_share", **options) == "supported"
    assert judge(make_evidence(falling(100, 90, 80, 60)), "falls_by_share", **options) == "not supported"
    with pytest.raises(NotRun, match="needs a snapshot at epoch 25"):
        judge(make_evidence(falling(100, 90, 60, 40)), "falls_by_share", **options | {"to_epoch": 25})
    with pytest.raises(NotRun, match="smaller when better"):
        judge(make_evidence(flat), "falls_by_share", **options | {"metric": "is"})


def test_falls_early(make_evidence):
    options = {**AT_A, "part": 0.5, "share": 0.5}
    assert judge(make_evidence(falling(100, 40, 30, 20)), "falls_early", **options) == "supported"
    assert judge(make_evidence(falling(100, 90, 50, 20)), "falls_early", **options) == "not supported"
    assert judge(make_evidence(falling(100, 140, 150, 160)), "falls_early", **options) == "not supported"  # it rises
    with pytest.raises(NotRun, match="needs a snapshot before epoch 1"):
        judge(make_evidence(falling(100, 90, 50, 20)), "falls_early", **options | {"part": 0.25})


def test_improves_along(make_evidence):
    rank = {"SNGAN": 1, "BN": 2, "LN": 3}

    def value(metric, label, setting, seed, place):
        return rank.get(label, 0) + noise(label, seed)

    options = {"metric": "is", "setting": "A"}
    assert judge(make_evidence(value), "improves_along", methods=["SNGAN", "BN", "LN"], **options) == "supported"
    assert judge(make_evidence(value), "improves_along", methods=["BN", "SNGAN", "LN"], **options) == "not supported"
    with pytest.raises(NotRun, match="needs the method D-steps-2"):
        judge(make_evidence(value), "improves_along", methods=["SNGAN", "D-steps-2"], **options)


def test_varies_over_settings(make_evidence):
    """Values 10, 20, 60: SD 26.46, mean 30, ratio 0.88."""

    def value(metric, label, setting, seed, place):
        return {"A": 10, "B": 20, "C": 60}[setting] + noise(label, setting, seed)

    verdict = CRITERIA.get("varies_over_settings")(
        make_evidence(value), method="SNGAN", metric="fid", min_variation=0.3
    )
    assert verdict.name == "supported"
    assert verdict.components[0].test.mean == pytest.approx(0.882, abs=0.01)
    assert judge(make_evidence(flat), "varies_over_settings", method="SNGAN", metric="fid", min_variation=0.3) == (
        "not supported"
    )
    evidence = make_evidence(flat, make_study(settings="AB"))
    with pytest.raises(NotRun, match="needs three settings"):
        judge(evidence, "varies_over_settings", method="SNGAN", metric="fid", min_variation=0.3)


def test_fails_least_at_one_setting(make_evidence):
    """Every run of BN has an FID of three times the others': failed. A diverged run has failed, too."""

    def value(metric, label, setting, seed, place):
        return (300 if label == "BN" else 100) + noise(label, setting, seed)

    options = {"setting": "A", "factor": 2}
    evidence = make_evidence(value, make_study(seeds=10))
    assert judge(evidence, "fails_least", method="SNGAN", others=["BN"], **options) == "supported"
    assert judge(evidence, "fails_least", method="BN", others=["SNGAN"], **options) == "not supported"
    assert judge(evidence, "fails_least", method="SNGAN", others=["LN"], **options) == "undecided"
    study = make_study(seeds=10)
    diverged = [f"cifar10/LN/A/seed{seed}" for seed in range(10)]
    lost = make_evidence(value, study, diverged=diverged)
    assert judge(lost, "fails_least", method="SNGAN", others=["LN"], **options) == "supported"


def test_smaller_spread(make_evidence):
    def value(metric, label, setting, seed, place):
        return 100 + (8 * (seed - 4.5) if label == "BN" else 0.1 * seed)

    evidence = make_evidence(value, make_study(seeds=10))
    options = {"metric": "fid", "setting": "A"}
    assert judge(evidence, "smaller_spread", method="SNGAN", other="BN", **options) == "supported"
    assert judge(evidence, "smaller_spread", method="BN", other="SNGAN", **options) == "not supported"
    with pytest.raises(NotRun, match="needs three finished seeds of BN; there are 2"):
        judge(make_evidence(value, make_study(seeds=2)), "smaller_spread", method="SNGAN", other="BN", **options)


def test_smooth_interpolation(make_evidence):
    evidence = make_evidence(flat)
    with pytest.raises(NotRun, match="set `gallery` in the study"):
        judge(evidence, "smooth_interpolation", method="SNGAN", setting="A")
    for value, expected in ((2.0, "supported"), (4.0, "not supported")):
        evidence.read_gallery = lambda folder, value=value: {"longest_step": value + noise(folder)}
        assert judge(evidence, "smooth_interpolation", method="SNGAN", setting="A") == expected
    evidence.read_gallery = lambda folder: {"longest_step": None}
    with pytest.raises(NotRun, match="needs the interpolations of SNGAN"):
        judge(evidence, "smooth_interpolation", method="SNGAN", setting="A")


def test_every_claim_of_the_tutorial_is_bound_or_says_why_not():
    ledger = load_ledger("dcgan_128")
    numbers = {int("".join(char for char in claim.id if char.isdigit())) for claim in ledger.claims}
    assert numbers == set(range(65, 80))
    assert all(claim.test for claim in ledger.claims)
