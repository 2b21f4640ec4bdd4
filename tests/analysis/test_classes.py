"""Scores of single classes: from the records to the table of the report."""

from __future__ import annotations

import pytest
import synthetic
from synthetic import make_case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.outputs import table_files
from sngan_repro.analysis.summary import read_results
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.core.files import read_json, write_json

SCORES = [{"evaluator": "classifier", "metrics": ["intra_fid", "class_accuracy"], "num_fake": 900}]
NAME = "intra_fid900_train@classifier"


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Two methods. The FID of class c is (1 + c) times the mean of the run; class 1 of BN has none."""
    study = synthetic.make_study(
        methods=["sngan", "bn"], scores=SCORES, nets={"conditional": True}, classifier={"feature_dim": 32}
    )
    case = make_case(tmp_path_factory.mktemp("classes"), study, value=lambda metric, spec, steps: 8.0 + 2 * spec.seed)
    paths = {case.layout.run(run.id).scores: run.label for run in study.runs()}
    for path, label in {**paths, case.layout.real_scores("digits"): "Real data"}.items():
        content = read_json(path)
        for record in content["records"]:
            value = record["value"]
            empty = label == "BN" and record["metric"] == NAME
            record["by_class"] = {"zero": value / 2, "one": None if empty else 3 * value / 2}
        write_json(path, content)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    return case


def test_every_score_of_every_class_is_in_the_tidy_table(case):
    rows = read_results(case.layout).classes
    num_snapshots, num_runs = 4, 8
    assert len(rows) == 2 * 2 * (5 + num_snapshots * num_runs)  # classes, metrics, draws and snapshots
    mine = rows[(rows["label"] == "SNGAN") & (rows["setting"] == "A") & (rows["seed"] == 1) & rows["last"]]
    of_fid = mine[mine["metric"] == NAME].set_index("class")["value"]
    assert of_fid.to_dict() == {"zero": 5.0, "one": 15.0}
    empty = rows[(rows["label"] == "BN") & (rows["metric"] == NAME) & (rows["class"] == "one")]
    assert empty["value"].isna().all()


def test_the_printed_table_has_a_row_per_class(case):
    text = table_files(case.layout, case.study)["classes_md"].read_text().replace("\\", "")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    header, zero, one = ([cell.strip() for cell in lines[row].strip("|").split("|")] for row in (0, 2, 3))
    assert header == ["Class", "Real data", "SNGAN (A)", "BN (A)"]
    assert (zero[0], zero[2]) == ("zero", "4.50 ± 0.71")  # 8 / 2 and 10 / 2
    assert (one[0], one[2], one[3]) == ("one", "13.5 ± 2.1", "–")


def test_other_studies_have_an_empty_tidy_table_and_no_printed_one(finished):
    assert read_results(finished.layout).classes.empty
    assert "classes_md" not in table_files(finished.layout, finished.study)
