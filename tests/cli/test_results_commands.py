"""The commands about results: lists of studies, main tables, comparisons."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import scipy.stats
import synthetic
from synthetic import make_case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.compare import compare_results
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.cli.main import main
from sngan_repro.cli.results_text import columns, print_comparison, print_results
from sngan_repro.core.files import read_json, write_json
from sngan_repro.core.schema import ConfigError

ROOT = Path(__file__).parents[2]


def finished_case(root: Path, shift: float, **changes):
    """Scores of seeds 0, 1, 2: 10, 11, 14, plus shift times 1, 2, 3."""

    def value(metric, spec, steps):
        return 10 + shift * (1 + spec.seed) + spec.seed + spec.seed * (spec.seed - 1)

    case = make_case(root, synthetic.make_study(methods=["sngan", "bn"], seeds=[0, 1, 2], **changes), value=value)
    aggregate(case.study, case.layout)
    make_tables(case.study, case.layout)
    return case


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return [finished_case(tmp_path_factory.mktemp("results") / str(shift), shift) for shift in (0.0, 0.5)]


@pytest.mark.slow
def test_differences_are_paired_by_seed(cases):
    rows = compare_results(cases[1].layout.root, cases[0].layout.root)
    place = ("SNGAN", "B", "is600@classifier")
    cell = next(row for row in rows if (row["label"], row["setting"], row["metric"]) == place)
    expected = scipy.stats.ttest_1samp([0.5, 1.0, 1.5], 0)
    assert (cell["difference"], cell["n"], cell["n_a"], cell["n_b"]) == (pytest.approx(1.0), 3, 3, 3)
    assert cell["p"] == pytest.approx(expected.pvalue)
    assert (cell["ci_low"], cell["ci_high"]) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    real = next(row for row in rows if row["label"] == "Real data")
    assert (real["difference"], real["p"], real["note"], real["n"]) == (0, None, "equal", 5)


@pytest.mark.slow
def test_other_weights_or_images_are_not_compared(cases, tmp_path):
    other = finished_case(tmp_path, 0.0)
    paths = [other.layout.run(run.id).scores for run in other.study.runs()] + [other.layout.real_scores("digits")]
    for path in paths:
        content = read_json(path)
        for record in content["records"]:
            record["protocol"]["evaluator_digest"] = "f" * 16
        write_json(path, content)
    aggregate(other.study, other.layout)
    rows = compare_results(cases[0].layout.root, other.layout.root)
    assert {(row["difference"], row["n"], row["note"]) for row in rows} == {(None, 0, "other evaluator weights")}


def test_real_images_of_an_earlier_version_have_no_seed(cases, tmp_path):
    folder = tmp_path / "earlier"
    shutil.copytree(cases[0].layout.root, folder)
    (folder / "tables/aggregate.sha256").unlink()
    scores = pd.read_csv(folder / "tables/scores.csv", dtype=object)
    scores.loc[scores["label"] == "Real data", "seed"] = None
    scores.to_csv(folder / "tables/scores.csv", index=False)
    for row in compare_results(folder, cases[0].layout.root):
        real = row["label"] == "Real data"
        assert (row["n"], row["note"]) == ((0, "no common seed") if real else (3, "equal"))
        assert row["mean_a"] == pytest.approx(row["mean_b"])


def test_nothing_in_common_and_no_tables(cases, tmp_path):
    scores = [{"evaluator": "classifier", "num_fake": 300, "kid_subset_size": 100}]
    other = finished_case(tmp_path, 0.0, scores=scores)
    with pytest.raises(ConfigError, match="no dataset, metric, method and setting in common"):
        compare_results(cases[0].layout.root, other.layout.root)
    with pytest.raises(ConfigError, match=r"scores\.csv: no such file; run the study up to its tables"):
        compare_results(cases[0].layout.root, tmp_path / "nowhere")


def test_comparison_in_three_forms(cases, capsys):
    given = (cases[1].layout.root, cases[0].layout.root)
    rows = compare_results(*given)
    print_comparison(*given, "json")
    assert json.loads(capsys.readouterr().out) == rows
    print_comparison(*given, "csv")
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [float(row["difference"]) for row in read] == [row["difference"] for row in rows]
    print_comparison(*given, "text")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 + 1 + len(rows)
    assert any(line.startswith("digits") and "SNGAN" in line and " 1.0 " in line for line in lines)


def test_the_main_table_in_three_forms(cases, capsys):
    case = cases[0]
    print_results(case.study, case.layout, "text")
    text = capsys.readouterr().out
    for label in case.study.labels:
        row = next(line for line in text.splitlines() if line.startswith(label))
        assert "11.7 ± 2.1" in row
    print_results(case.study, case.layout, "json")
    rows = json.loads(capsys.readouterr().out)
    assert {row["label"] for row in rows} == {"Real data", *case.study.labels}
    print_results(case.study, case.layout, "csv")
    assert capsys.readouterr().out.startswith("dataset,metric,label,setting,mean")


def test_studies_are_listed_with_their_runs(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the checkout may have images of its user in data/
    Path("config").symlink_to(ROOT / "config")
    main(["studies", "--results-dir", "results"])
    lines = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert (lines["quick"], lines["southampton"]) == ("36", "90")
    assert lines.keys() == {"study", *(file.stem for file in (ROOT / "config/studies").glob("*.yaml"))}


def test_columns_are_aligned():
    assert columns(["a", "value"], [["long", "1"], ["b", "22"]], "lr") == "a     value\nlong      1\nb        22"
