"""Programs and claims: a claim about all methods does not mean them, one that names them does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from claims_support import make_study

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.verdict import NotRun
from sngan_repro.study.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "flat.yaml"
    path.write_text(yaml.safe_dump({"title": "Flat", "summary": "a program", "command": "run {task}"}))
    return make_study(seeds=12, methods=["sngan", "bn", str(path)])


LEVELS = {"SNGAN": 30.0, "BN": 50.0, "Flat": 10.0}


def value(metric, label, setting, seed, place):
    return LEVELS[label] + 0.1 * seed + 5 * "ABC".find(setting) if metric.startswith("fid") else 3.0


def test_all_methods_are_those_trained_here(make_evidence, study):
    evidence = make_evidence(value, study=study)
    assert evidence.labels == ["SNGAN", "BN"]
    leads = CRITERIA.get("leads")(evidence, method="SNGAN", metric="fid")
    assert leads.name == "supported"
    assert len(leads.components) == 3  # BN at A, B and C
    assert CRITERIA.get("leads_tuned")(evidence, method="SNGAN", metrics=["fid"]).name == "supported"
    assert len(evidence.snapshots) == 4


def test_a_claim_may_name_one(make_evidence, study):
    evidence = make_evidence(value, study=study)
    for setting in "ABC":
        verdict = CRITERIA.get("beats")(evidence, method="SNGAN", other="Flat", metric="fid", setting=setting)
        assert verdict.name == "not supported"
        verdict = CRITERIA.get("beats")(evidence, method="Flat", other="SNGAN", metric="fid", setting=setting)
        assert verdict.name == "supported"
    assert evidence.chosen("Flat", evidence.metric("fid")).values[2] == pytest.approx(10.2 - 5)


def test_it_has_no_log(make_evidence, study):
    evidence = make_evidence(value, study=study)
    with pytest.raises(NotRun, match="needs a training log, and Flat is a program, which has none"):
        evidence.logs("Flat", "A")
