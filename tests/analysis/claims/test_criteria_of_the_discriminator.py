"""The criteria about D: spectral norms, input gradients, accuracy, spectra, critic losses and times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claims_support import flat, judge, make_study, noise

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.verdict import NotRun

STEPS = 40


def logs(**columns):
    """A log whose columns are given as functions of (label, setting, update), measured every fourth update."""

    def log(folder):
        _, label, setting, _ = folder.split("/")
        steps = np.arange(1, STEPS + 1)
        found = {"step": steps}
        for name, function in columns.items():
            values = [function(label, setting, step) + noise(folder, step, name) for step in steps]
            found[name.replace("__", "/")] = np.where(steps % 4 == 0, values, np.nan)
        return pd.DataFrame(found)

    return log


def test_spectral_norm_near_one(make_evidence):
    def sigma(label, setting, step):
        return 1.5 if step <= 8 else 1.0

    evidence = make_evidence(flat, logs=logs(spectral__conv=sigma, spectral__dense=lambda *_: 1.0))
    options = {"method": "SNGAN", "setting": "C"}
    assert judge(evidence, "spectral_norm_near_one", max_error=0.1, after_steps=8, **options) == "supported"
    assert judge(evidence, "spectral_norm_near_one", max_error=0.1, after_steps=4, **options) == "not supported"
    with pytest.raises(NotRun, match="spectral norms measured after update 40"):
        judge(evidence, "spectral_norm_near_one", after_steps=40, **options)


def test_small_input_gradients_do_not_prove_a_lipschitz_constant(make_evidence):
    options = {"method": "SNGAN", "setting": "C", "bound": 1}
    small = make_evidence(flat, logs=logs(d__input_gradient_max=lambda *_: 0.5))
    verdict = CRITERIA.get("input_gradient_at_most")(small, **options)
    assert (verdict.name, verdict.shown.supports) == ("undecided", True)
    assert "there may be others" in verdict.reason
    large = make_evidence(flat, logs=logs(d__input_gradient_max=lambda _, __, step: 0.5 if step < 36 else 1.5))
    assert judge(large, "input_gradient_at_most", **options) == "not supported"
    with pytest.raises(NotRun, match="needs input gradients of D"):
        judge(make_evidence(flat, logs=logs()), "input_gradient_at_most", **options)


def test_smallest_critic_gap(make_evidence):
    def held_out(label, setting, step):
        late = step > 30  # only the last quarter counts
        return -1 + ({"SNGAN": 0.2, "LN": 0.6, "BN": 0.1}.get(label, 0) if late else 9)

    evidence = make_evidence(flat, logs=logs(critic_loss__train=lambda *_: -1.0, critic_loss__held_out=held_out))
    options = {"method": "SNGAN", "setting": "C"}
    assert judge(evidence, "smallest_critic_gap", others=["LN"], **options) == "supported"
    verdict = CRITERIA.get("smallest_critic_gap")(evidence, others=["LN", "BN"], **options)
    assert verdict.name == "not supported"
    assert verdict.shown.test.mean == pytest.approx(0.1 - 0.2, abs=0.03)


def test_accuracy_rises_with_rate(make_evidence):
    def accuracy(label, setting, step):
        doublings = {"A": 0, "B": 1, "C": np.log2(3)}[setting]  # rates 0.001, 0.002, 0.003
        return 0.5 + {"SNGAN": 0.1, "BN": 0.02}.get(label, 0) * doublings

    evidence = make_evidence(flat, logs=logs(d__accuracy_real=accuracy, d__accuracy_fake=accuracy))
    options = {"settings": ["A", "B", "C"]}
    assert judge(evidence, "accuracy_rises_with_rate", method="SNGAN", other="BN", **options) == "supported"
    assert judge(evidence, "accuracy_rises_with_rate", method="BN", other="SNGAN", **options) == "not supported"
    with pytest.raises(NotRun, match="three settings with different rates"):
        judge(evidence, "accuracy_rises_with_rate", method="BN", other="LN", settings=["A", "B"])


def test_effective_rank_above(make_evidence):
    def spectra(folder):
        label = folder.split("/")[1]
        ranks = [20.0, 30.0, 5.0] if label == "SNGAN" else [10.0, 12.0, 9.0]
        rows = [
            {"layer": f"conv{place}", "number": number, "effective_rank": rank + noise(folder, place)}
            for place, rank in enumerate(ranks)
            for number in (1, 2)
        ]
        return None if label == "BN" else pd.DataFrame(rows)

    evidence = make_evidence(flat, spectra=spectra)
    options = {"method": "SNGAN", "metric": "is"}
    assert judge(evidence, "effective_rank_above", others=["LN", "EBGAN"], num_layers=2, **options) == "supported"
    assert judge(evidence, "effective_rank_above", others=["LN"], num_layers=3, **options) == "not supported"
    with pytest.raises(NotRun, match="singular values of D's weights of BN"):
        judge(evidence, "effective_rank_above", others=["BN"], num_layers=2, **options)


def test_cost_ratio_below(make_evidence):
    rows = [
        {"label": label, "image_size": 32, "repeat": repeat, "seconds": seconds + 0.1 * noise(label, repeat)}
        for label, seconds in (("SNGAN", 1.1), ("LN", 1.0))
        for repeat in range(5)
    ]
    evidence = make_evidence(flat, make_study(), times=pd.DataFrame(rows))
    options = {"method": "SNGAN", "other": "LN", "image_size": 32}
    assert judge(evidence, "cost_ratio_below", ratio=1.2, **options) == "supported"
    assert judge(evidence, "cost_ratio_below", ratio=1.05, **options) == "not supported"
    with pytest.raises(NotRun, match="needs the times of SNGAN at 48 px: set `benchmark`"):
        judge(evidence, "cost_ratio_below", ratio=1.05, **options | {"image_size": 48})
    with pytest.raises(NotRun, match="set `benchmark`"):
        judge(make_evidence(flat), "cost_ratio_below", ratio=1.2, **options)
