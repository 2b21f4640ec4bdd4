"""How often a criterion errs: its verdicts on simulated studies in which the truth is known.

Each scenario is a criterion with its options and a law of scores under which the claim is exactly at its boundary:
equal methods, or a difference that equals the margin. A verdict "supported" or "not supported" is then an error, and
each may happen in 2.5 % of studies. ``benchmarks/calibration.py`` prints the table of docs/claims.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import NotRun
from sngan_repro.analysis.naming import protocol_of
from sngan_repro.analysis.summary import Results
from sngan_repro.study.load import make_study
from sngan_repro.study.reference import Reference, load_reference
from sngan_repro.study.study import Study

METHODS = {"SNGAN": "sngan", "WGAN-GP": "wgan_gp", "BEGAN": "began", "EBGAN": "ebgan", "BN": "bn", "LN": "ln"}
Mean = Callable[[str, str, int], float]
"""(label, setting, place of the snapshot) -> the true gain: larger is better. The SD over seeds is 1."""
LEVEL = 100.0
"""True gains are counted from here, so that ratios of distances change little: a distance is this minus the gain."""


def equal(label: str, setting: str, place: int) -> float:
    """All methods, settings and snapshots are alike."""
    del label, setting, place
    return 0.0


@dataclass(frozen=True)
class Scenario:
    """A criterion at the boundary of its claim."""

    test: str
    options: Mapping[str, Any]
    mean: Mean = equal
    num_methods: int = 2
    settings: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {name: {"lr": 0.001} for name in ("A", "B", "C")}
    )
    what: str = "equal methods"


def _shift(of: str, by: float, setting: str | None = None, place: int | None = None) -> Mean:
    def mean(label: str, at: str, snapshot: int) -> float:
        here = label == of and setting in (None, at) and place in (None, snapshot)
        return by if here else 0.0

    return mean


def _factor(label: str, setting: str, place: int) -> float:
    """At C the distance of SNGAN is exactly twice that at A and B."""
    del place
    return -LEVEL if (label, setting) == ("SNGAN", "C") else 0.0


N_DIS = {f"n{k}": {"lr": 0.001, "n_dis": k} for k in (1, 2, 4, 8)}


def _falls_by_a_seed_sd(label: str, setting: str, place: int) -> float:
    """BN falls much over n_dis 1 to 8, SNGAN by one seed SD."""
    del place
    doublings = float(np.log2(int(setting[1:])))
    return -(5.0 if label == "BN" else 1.0) * doublings / 3


SCENARIOS: dict[str, Scenario] = {
    "leads": Scenario("leads", {"method": "SNGAN", "metric": "fid"}),
    "leads, six methods": Scenario("leads", {"method": "SNGAN", "metric": "fid"}, num_methods=6),
    "leads_tuned": Scenario("leads_tuned", {"method": "SNGAN", "metrics": ["fid"]}),
    "leads_tuned, six methods": Scenario("leads_tuned", {"method": "SNGAN", "metrics": ["is", "fid"]}, num_methods=6),
    "beats": Scenario("beats", {"method": "SNGAN", "other": "WGAN-GP", "metric": "fid", "setting": "A"}),
    "most_robust, worst": Scenario("most_robust", {"method": "SNGAN", "metric": "fid", "by": "worst"}),
    "most_robust, range": Scenario("most_robust", {"method": "SNGAN", "metric": "fid", "by": "range"}),
    "below_the_best": Scenario("below_the_best", {"low": ["SNGAN"], "high": ["WGAN-GP"], "metric": "fid"}),
    "runner_up": Scenario(
        "runner_up", {"method": "SNGAN", "leader": "WGAN-GP", "metric": "fid", "worst_setting": "A"}, num_methods=3
    ),
    "setting_sensitive": Scenario(
        "setting_sensitive",
        {"method": "SNGAN", "metric": "fid", "worse": "C", "better": "A", "num_sd": 3},
        _shift("SNGAN", -3, "C"),
        what="a loss of exactly 3 SD",
    ),
    "level": Scenario(
        "level",
        {"first": "SNGAN", "second": "WGAN-GP", "metric": "fid", "setting": "A"},
        _shift("SNGAN", 1),
        what="a difference of exactly 1 SD",
    ),
    "level_tuned": Scenario(
        "level_tuned",
        {"first": "SNGAN", "second": "WGAN-GP", "metric": "fid"},
        _shift("SNGAN", 1),
        what="a difference of exactly 1 SD",
    ),
    "monotone": Scenario(
        "monotone",
        {"metric": "fid", "setting": "A"},
        _shift("SNGAN", -1, place=1),
        num_methods=1,
        what="a fall of exactly 1 SD",
    ),
    "fails_at": Scenario(
        "fails_at",
        {"method": "SNGAN", "metric": "fid", "settings": ["C"], "factor": 2},
        _factor,
        what="exactly twice the FID",
    ),
    "near_best_setting": Scenario(
        "near_best_setting",
        {"method": "SNGAN", "metric": "fid", "setting": "A", "share": 0.05},
        _shift("SNGAN", -0.05 * LEVEL, "A"),
        what="exactly 5 % above",
    ),
    "trend_over_settings": Scenario(
        "trend_over_settings",
        {"worsens": "BN", "steady": "SNGAN", "metric": "fid", "key": "n_dis", "settings": list(N_DIS)},
        _falls_by_a_seed_sd,
        num_methods=6,
        settings=N_DIS,
        what="a fall of exactly 1 SD",
    ),
}
"""name -> scenario; every criterion about scores has one."""


AHEAD = {
    "leads": "SNGAN",
    "leads_tuned": "SNGAN",
    "beats": "SNGAN",
    "most_robust, worst": "SNGAN",
    "below_the_best": "WGAN-GP",
}
"""Scenario of equal methods -> the method that is ahead when its claim is true."""


def ahead(name: str, by: float) -> Scenario:
    """A scenario of :data:`AHEAD` in which the claim is true: its method is ahead by so many seed SDs everywhere."""
    return replace(SCENARIOS[name], mean=_shift(AHEAD[name], by), what=f"ahead by {by:g} SD")


def study_of(scenario: Scenario, num_seeds: int) -> Study:
    """The study that a scenario is about."""
    return make_study(
        {
            "name": "simulated",
            "title": "A simulated study",
            "datasets": {"cifar10": {"source": "cifar10", "image_size": 28}},
            "methods": list(METHODS.values())[: scenario.num_methods],
            "settings": {name: dict(values) for name, values in scenario.settings.items()},
            "seeds": list(range(num_seeds)),
            "budget": {"steps": 200},
            "snapshots": {"count": 2},
            "scores": [{"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 6000}],
        }
    )


def simulate(study: Study, mean: Mean, random: np.random.Generator, reference: Reference | None = None) -> Evidence:
    """Evidence with independent normal scores of SD 1 around their true values."""
    rows, runs = [], []
    for run in study.runs():
        key = {"dataset": run.dataset, "label": run.label, "setting": run.setting, "seed": run.seed}
        runs.append(key | {"state": "ok", "steps_done": 200, "epochs": 2.0, "folder": run.id})
        for metric in study.metric_names:
            sign = 1 if protocol_of(study, metric)[0] == "is" else -1
            for place, steps in enumerate((100, 200)):
                gain = mean(run.label, run.setting, place) + float(random.standard_normal())
                score = LEVEL + sign * gain
                rows.append(key | {"steps": steps, "metric": metric, "value": score, "state": "ok", "last": place == 1})
    scores = pd.DataFrame(rows)
    results = Results(scores, scores.iloc[:0], pd.DataFrame(runs), pd.DataFrame())
    return Evidence(study, "cifar10", results, reference=reference)


def calibrate(scenario: Scenario, num_seeds: int, num_studies: int, seed: int = 0) -> tuple[float, float]:
    """(share of studies with the verdict "supported", share with "not supported")."""
    study, random, published = study_of(scenario, num_seeds), np.random.default_rng(seed), load_reference("southampton")
    names = []
    for _ in range(num_studies):
        evidence = simulate(study, scenario.mean, random, published)
        try:
            names.append(CRITERIA.get(scenario.test)(evidence, **scenario.options).name)
        except NotRun as reason:
            raise ValueError(f"the scenario of '{scenario.test}' cannot be judged: {reason}") from reason
    return names.count("supported") / num_studies, names.count("not supported") / num_studies
