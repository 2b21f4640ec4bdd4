"""The printed tables, as Markdown and LaTeX."""

import re

import pytest
import synthetic
from synthetic import make_case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.outputs import table_files
from sngan_repro.analysis.summary import read_comparisons
from sngan_repro.analysis.tables.printed import PrintedTable, latex_document, latex_escape, markdown_escape
from sngan_repro.analysis.tables.tables import make_tables


def cells_of(line):
    return [text.strip().replace("\\", "") for text in line.strip().strip("|").split(" | ")]


def test_ties_go_to_the_first_setting(tmp_path):
    study = synthetic.make_study(methods=["sngan"])
    case = make_case(tmp_path, study, value=lambda *_: 3.0)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    row = next(li for li in table_files(case.layout)["best_md"].read_text().splitlines() if li.startswith("| SNGAN"))
    assert cells_of(row)[4] == "A"
    assert read_comparisons(case.layout).empty


def test_protocols_never_share_a_column(tmp_path):
    protocols = [
        {"evaluator": "classifier", "num_fake": 600, "metrics": ["fid"]},
        {"evaluator": "classifier", "num_fake": 500, "metrics": ["fid"]},
    ]
    study = synthetic.make_study(scores=protocols, headline=["fid600_train@classifier", "fid500_train@classifier"])
    case = make_case(tmp_path, study, value=lambda m, *_: 1.0 if "600" in m else 2.0)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    files = table_files(case.layout)
    header, _, _, sngan = [cells_of(li) for li in files["best_md"].read_text().splitlines() if li.startswith("|")][:4]
    assert (header[1], header[5]) == ("FID (600) ↓", "FID (500) ↓")
    assert (sngan[1], sngan[5]) == ("**1.000 ± 0.000**", "**2.000 ± 0.000**")
    tables = files["all_scores_md"].read_text().split("\n\n**")
    assert len(tables) == 2
    assert "1.000" not in tables[1].split("\n", 1)[1].replace("Real data | – | 2.500", "")


@pytest.mark.parametrize("name", ["best", "settings", "all_scores", "cost"])
def test_latex_is_balanced_and_every_row_has_all_columns(finished, name):
    text = table_files(finished.layout)[f"{name}_tex"].read_text(encoding="utf-8")
    depth = 0
    for char in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    for environment in ("table", "tabular"):
        assert text.count(rf"\begin{{{environment}}}") == text.count(rf"\end{{{environment}}}") > 0
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == text.count(r"\begin{tabular}")
    columns = 0
    for line in text.splitlines():
        if match := re.match(r"\\begin\{tabular\}\{([lr]+)\}", line):
            columns = len(match[1])
        elif line.endswith(r"\\"):
            assert len(re.split(r"(?<!\\)&", line)) == columns
    assert text.isascii()


def test_special_characters_are_escaped():
    table = PrintedTable("k", "50% of a_b & {c}", "lr", ["x_y", "#"], [["[a]|*b*", "−1 ± 2"]], bold={(0, 1)})
    latex, markdown = latex_document([table]), table.markdown()
    assert r"50\% of a\_b \& \{c\}" in latex
    assert r"{[a]\textbar{}*b*} & \textbf{$-$1 $\pm$ 2} \\" in latex
    assert r"| \[a\]\|\*b\* | **−1 ± 2** |" in markdown
    assert latex_escape("\\") == r"\textbackslash{}"
    assert markdown_escape("a_b@c") == r"a\_b\@c"


def test_a_row_of_wrong_length_is_refused():
    with pytest.raises(ValueError, match="2 cells"):
        PrintedTable("k", "c", "lr", ["a", "b"], [["only one"]])


def test_cost_table_shows_every_stage(finished):
    rows = [
        cells_of(li) for li in table_files(finished.layout)["cost_md"].read_text().splitlines() if li.startswith("|")
    ]
    assert [row[0] for row in rows[2:]] == [*finished.study.labels, "Evaluator: classifier", "Real data (scoring)"]
    assert rows[2][1:4] == ["4", "34 s", "13 s"]


def test_long_tables_are_divided_at_their_rules():
    rows = [[f"{method}", f"{setting}"] for method in range(11) for setting in range(6)]
    table = PrintedTable("k", "caption", "ll", ["a", "b"], rows, {(0, 1), (40, 0)}, {6 * k for k in range(1, 11)})
    first, second = table.parts(48)
    assert (len(first.rows), len(second.rows)) == (30, 36)  # 33 is between two rules
    assert first.rows + second.rows == rows
    assert (first.bold, second.bold) == ({(0, 1)}, {(10, 0)})
    assert second.rule_before == {6, 12, 18, 24, 30}
    assert table.parts(66) == [table]


def test_long_tables_without_rules_are_divided_evenly():
    table = PrintedTable("k", "caption", "l", ["a"], [[str(k)] for k in range(100)])
    assert [len(part.rows) for part in table.parts(48)] == [33, 34, 33]
