"""The one-page summary, the notes of the user, the appendices, and the report in LaTeX."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import synthetic
from studies import TEMPLATES, text_of, with_tables

from sngan_repro.core.files import write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.report.build import build_report
from sngan_repro.report.study_file import command, note_files
from sngan_repro.study.changes import Change, Changed

NETWORKS = [
    {
        "dataset": "digits",
        "network": "generator",
        "labels": ["SNGAN", "WGAN-GP", "BEGAN"],
        "input": [128],
        "init": "xavier",
        "layers": [
            {"what": "dense", "output": [768], "parameters": 99_072},
            {"what": "convolution 3 × 3, tanh", "output": [1, 16, 16], "parameters": 109},
        ],
    },
    {
        "dataset": "digits",
        "network": "discriminator",
        "labels": ["BEGAN"],
        "input": [1, 16, 16],
        "init": "xavier",
        "layers": [{"what": "dense", "output": [64], "parameters": 16_448}],
    },
]


@pytest.fixture(scope="module")
def whole(drawn, tmp_path_factory):
    """A report with networks, a study file and one note."""
    case = drawn.copy(tmp_path_factory.mktemp("whole"))
    write_json(case.layout.networks, {"networks": NETWORKS})
    file = tmp_path_factory.mktemp("study") / "invented.yaml"
    file.write_text("title: An invented study  # with ```` backticks\nseeds: [0, 1]\n", encoding="utf-8")
    note_files(file)["easy"].write_text("The *code* ran [@miyato2018].", encoding="utf-8")
    build_report(case.study, case.layout, TEMPLATES, file)
    return case


class Tables(HTMLParser):
    """The cells of all tables, by the number in their captions."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.caption = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "table":
            self.rows, self.caption = [], ""
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass
        if tag == "table":
            self.tables[self.caption.strip()] = self.rows

    def handle_data(self, data):
        if "caption" in self.open and "table" in self.open:
            self.caption += data
        elif self.open and {"td", "th"} & set(self.open[-3:]):
            self.rows[-1][-1] += data

    def of(self, text: str) -> list[list[str]]:
        (found,) = (rows for caption, rows in self.tables.items() if text in caption)
        return [[cell.strip() for cell in row] for row in found]


def test_every_row_of_every_table_has_the_cells_of_its_header(whole):
    tables = Tables(whole.layout.report_html.read_text(encoding="utf-8")).tables
    assert len(tables) > 10
    for caption, rows in tables.items():
        assert re.match(r"Table \d+\.", caption)
        assert {len(row) for row in rows} == {len(rows[0])}, caption


def test_layers_of_networks_are_in_the_appendix(whole):
    tables = Tables(whole.layout.report_html.read_text(encoding="utf-8"))
    assert tables.of("generator of all methods") == [
        ["Layer", "Output", "Parameters"],
        ["input", "128", ""],
        ["dense", "768", "99\u202f072"],
        ["convolution 3 × 3, tanh", "1 × 16 × 16", "109"],
        ["trained parameters", "", "99\u202f181"],
    ]
    assert tables.of("discriminator of BEGAN.")[1] == ["input", "1 × 16 × 16", ""]


def test_score_of_each_run_by_hand(whole):
    rows = Tables(whole.layout.report_html.read_text(encoding="utf-8")).of("the score of each run")
    assert rows[0] == ["Method", "Setting", "IS ↑, seed 0", "IS ↑, seed 1", "FID ↓, seed 0", "FID ↓, seed 1"]
    by_cell = {(row[0], row[1]): row[2:] for row in rows[1:]}
    assert by_cell["WGAN-GP", "A"] == ["×"] * 4  # both seeds diverged
    assert by_cell["BEGAN", "B"][1] == by_cell["BEGAN", "B"][3] == "×"
    runs = {run.seed: run for run in whole.study.runs() if (run.label, run.setting) == ("SNGAN", "A")}
    values = [synthetic.invented_value("fid", runs[seed], 400) for seed in (0, 1)]
    assert [float(text) for text in by_cell["SNGAN", "A"][2:]] == pytest.approx(values, rel=0.02)


def test_notes_of_the_user_and_reminders(whole):
    source = whole.layout.report_html.read_text(encoding="utf-8")
    assert "<em>code</em> ran" in source
    assert source.count("Not written yet.") == 2
    assert "invented.difficult.md" in source
    assert "invented.authors.md" in source
    assert "invented.easy.md" not in source


def test_study_file_and_command_are_printed(whole):
    source = whole.layout.report_html.read_text(encoding="utf-8")
    assert "title: An invented study  # with ```` backticks" in source
    assert "snakemake --cores all --config study=invented.yaml" in source
    assert "<code>invented.yaml</code>:" in source  # without the folders of this machine
    assert command(whole.study, Path("config/studies/invented.yaml")).endswith("study=invented")


def test_changes_of_the_study_file_are_listed_and_in_the_command(drawn, tmp_path):
    file = tmp_path / "config/studies/invented.yaml"
    changes = (Change(key="budget.steps", value="400", before="800"), Change(key="seeds", value="[0, 1]"))
    changed = Changed(study="invented", changes=changes)
    case = replace(drawn, study=drawn.study.model_copy(update={"changed": changed}))
    text = text_of(case, file)
    assert "a variant of the study *invented*:\n2 keys of its file have other values ([Table" in text
    assert "| budget.steps | 800 | 400 |\n| seeds | – | \\[0, 1\\] |" in text
    assert "--config study=invented.yaml 'set=budget.steps=400 seeds=[0, 1]'" in text
    named = command(case.study, Path("config/studies/invented.yaml"))
    assert named == "snakemake --cores all --config study=invented 'set=budget.steps=400 seeds=[0, 1]'"
    assert "a variant of" not in text_of(drawn, file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "cannot be read as text in UTF-8"),
        (b"as in [@nobody2099]", "no entry of references.bib has the key nobody2099"),
        (b"word " * 5000, "at most 20000 fit the summary"),
    ],
)
def test_a_note_that_cannot_be_printed_is_named(finished, tmp_path, content, message):
    file = tmp_path / "mine.yaml"
    note_files(file)["authors"].write_bytes(content)
    with pytest.raises(ConfigError, match=message) as error:
        text_of(finished, file)
    assert "mine.authors.md" in str(error.value)


def test_notes_run_nothing(drawn, tmp_path):
    file = tmp_path / "mine.yaml"
    note_files(file)["easy"].write_text("<script>alert(1)</script>\n\n```{=typst}\n#panic()\n", encoding="utf-8")
    text = text_of(drawn, file)
    assert "\\<script\\>" in text
    assert "{=typst}\n#panic" not in text


def test_latex_has_figures_sections_and_citations(whole, tmp_path):
    with zipfile.ZipFile(whole.layout.report_latex) as archive:
        names = set(archive.namelist())
        source = archive.read("report/report.tex").decode()
        first = archive.read("report/figures/scores_digits_headline.pdf")
        bibliography = archive.read("report/references.bib").decode()
    assert first.startswith(b"%PDF-")
    used = set(re.findall(r"\{(figures/[^}]+\.pdf)\}", source))
    assert len(used) > 5
    assert {f"report/{name}" for name in used} <= names
    cited = {key for keys in re.findall(r"\\cite[pt]?\*?(?:\[[^\]]*\])*\{([^}]+)\}", source) for key in keys.split(",")}
    assert {"miyato2018", "heusel2017"} <= cited
    assert all(f"{{{key.strip()}," in bibliography for key in cited)
    assert source.count(r"\section") > 8
    assert r"\begin{longtable}" in source


def test_latex_breaks_long_code_and_keeps_its_characters(whole):
    with zipfile.ZipFile(whole.layout.report_latex) as archive:
        text = archive.read("report/report.tex").decode()
    shorter = [code for code in re.findall(r"\\texttt\{((?:[^{}]|\{\})*)\}", text) if r"\allowbreak" not in code]
    assert max(map(len, shorter)) < 20
    assert r"\texttt{fid600\allowbreak{}\_\allowbreak{}train\allowbreak{}@\allowbreak{}classifi\allowbreak{}er}" in text


def test_latex_is_the_same_for_the_same_results(whole):
    before = whole.layout.report_latex.read_bytes()
    with zipfile.ZipFile(io.BytesIO(before)) as archive:
        assert len({info.date_time for info in archive.infolist()}) == 1


def test_one_method_is_not_the_best_of_one(tmp_path):
    case = with_tables(tmp_path, synthetic.make_study(methods=["sngan"], settings={"A": {"lr": 0.001}}))
    text = text_of(case)
    assert "On digits this is the IS of **SNGAN**:" in text
    for words in ("best method", "followed by", "All methods", "at its best setting", "two methods"):
        assert words not in text.partition("# Protocol")[2].partition("# Appendix")[0], words


def test_one_method_at_two_settings(tmp_path):
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"])))
    assert re.search(r"On digits the IS of \*\*SNGAN\*\* is best at setting [AB] \(", text)


@pytest.mark.slow
def test_twelve_methods(tmp_path):
    names = ["sngan", "wgan_gp", "began", "ebgan", "bn", "ln", "weight_norm", "r1", "dragan", "lsgan", "clipping"]
    names.append("plain")
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=names)))
    assert "12 methods, 2 settings and 2 training seeds give 48 runs" in text
    assert text.count("\n## ") == 12
