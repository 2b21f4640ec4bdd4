"""The verdicts of an invented study, as files."""

import csv

import pytest
from synthetic import make_case, make_study

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.claims.judge import judge_study, make_claims
from sngan_repro.analysis.claims.ledger import load_ledger
from sngan_repro.analysis.outputs import claim_files


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    study = make_study(claims="southampton", reference="southampton", seeds=[0, 1, 2])
    case = make_case(tmp_path_factory.mktemp("judged"), study, diverged={"digits/BEGAN/B/seed1": 150})
    aggregate(case.study, case.layout)
    make_claims(case.study, case.layout)
    return case


def test_claims_files(judged):
    files = claim_files(judged.study, judged.layout)
    assert all(path.exists() for path in files.values())
    with files["claims"].open(encoding="utf-8") as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    assert len(rows) == len(load_ledger("southampton").claims)
    assert rows["28"]["verdict"] == "not supported"
    assert rows["41b"]["verdict"] == "supported"
    assert (rows["1"]["verdict"], rows["1"]["reason"]) == ("not run", "needs the setting C")
    assert rows["3"]["verdict"] in ("supported", "not supported", "undecided")
    assert int(rows["3"]["num_components"]) == 4  # two others by two metrics
    assert "digits/BEGAN/B/seed1" in rows["3"]["run_ids"].split()
    assert all(row["criterion"] and row["quantity"] and row["source"] == "feng2019" for row in rows.values())
    with files["claims_components"].open(encoding="utf-8") as stream:
        parts = [row for row in csv.DictReader(stream) if row["id"] == "3"]
    assert len(parts) == 4
    values = [float(value) for value in parts[0]["values"].split()]
    assert float(parts[0]["effect"]) == pytest.approx(sum(values) / len(values))


def test_not_run_claims_say_why(judged):
    items = judge_study(judged.study, judged.layout)
    assert all(item.verdict.reason for item in items if item.verdict.name in ("not run", "undecided"))
    assert {item.verdict.name for item in items} >= {"supported", "not supported", "not run"}
