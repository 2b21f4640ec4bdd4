"""The criteria about training logs."""

import numpy as np
import pandas as pd
import pytest
from claims_support import flat, judge, make_study, noise

from sngan_repro.analysis.claims.criteria.logs import change_point, rolling_sd
from sngan_repro.analysis.claims.verdict import NotRun


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
