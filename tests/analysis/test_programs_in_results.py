"""Programs among the methods, in tables, figures and the report: one with an end only, one under every setting."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import synthetic
import yaml
from drawn import dots, heights
from studies import say, text_of
from synthetic import STEPS, Case, invented_value

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures import draw, make_figures
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.style import house_style
from sngan_repro.analysis.outputs import figure_plans, table_files
from sngan_repro.analysis.summary import read_comparisons, read_summary
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import read_json, write_json
from sngan_repro.report.findings import leader, settings

pytestmark = pytest.mark.slow

FID = "fid600_train@classifier"


def value(metric: str, spec: RunSpec, steps: int) -> float | None:
    """The program without settings is better than all others at setting A, and at B worse than SNGAN."""
    if metric == FID and spec.label == "Flat":
        return 30.0
    if metric == FID:
        return {"A": 40.0, "B": 20.0 if spec.label == "SNGAN" else 50.0}[spec.setting]
    return invented_value(metric, spec, steps)


def declare(folder: Path, title: str, **keys: Any) -> str:
    path = folder / f"{title.lower()}.yaml"
    words = {"title": title, "summary": f"the program {title}", "command": "run {task}", **keys}
    path.write_text(yaml.safe_dump(words))
    return str(path)


def keep_the_end(case: Case, spec: RunSpec) -> None:
    """Results as those of a program that has only an end: no log, no second sample, one snapshot."""
    paths = case.layout.run(spec.id)
    paths.log.unlink()
    status, scores = read_json(paths.status), read_json(paths.scores)
    status["snapshots"] = status["snapshots"][-1:]
    scores["records"] = [r for r in scores["records"] if r["steps"] == STEPS]
    write_json(paths.status, status)
    write_json(paths.scores, scores)
    np.save(paths.samples / "progress.npy", np.load(paths.samples / "progress.npy")[-1:])


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """SNGAN, WGAN-GP, a program without settings and one with; two settings, two seeds; everything made."""
    folder = tmp_path_factory.mktemp("programs")
    flat = {"name": declare(folder, "Flat", options={"k": 3}, equations="y = z", source="tipping1999"), "k": 4}
    deep = declare(folder, "Deep", settings=True, snapshots="study")
    study = synthetic.make_study(methods=["sngan", flat, deep, "wgan_gp"])
    made = synthetic.make_case(folder, study, value=value)
    for spec in study.runs():
        if spec.label in study.programs:
            synthetic.write_run(study, made.layout, spec, value=value, again=None)
        if spec.label == "Deep":
            made.layout.run(spec.id).log.unlink()
        if spec.label == "Flat":
            keep_the_end(made, spec)
    aggregate(study, made.layout)
    make_tables(study, made.layout)
    make_figures(study, made.layout)
    return made


def rows_of(case: Case, table: str, label: str) -> list[list[str]]:
    text = table_files(case.layout)[f"{table}_md"].read_text()
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in found if row[0] == label]


def test_one_row_in_the_place_of_one_per_setting(case: Case):
    assert [row[1] for row in rows_of(case, "settings", "Flat")] == ["own"]
    assert [row[1] for row in rows_of(case, "settings", "Deep")] == ["A", "B"]
    assert [row[1] for row in rows_of(case, "all_scores", "Flat")] == ["own"]
    (row,) = rows_of(case, "best", "Flat")
    assert row[5:] == ["30.00 ± 0.00", "\\[30.00, 30.00\\]", "2", "own", "0 of 2"]
    (row,) = rows_of(case, "settings", "Flat")
    assert row[4] == row[7] == "–"  # re-sampled best


def test_what_it_does_not_have_is_empty(case: Case):
    runs = pd.read_csv(case.layout.tables / "runs.csv")
    columns = ["lr_d", "lr_g", "beta1", "beta2", "n_dis", "epochs", "updates_per_second"]
    assert runs.loc[runs["label"] == "Flat", columns].isna().all(axis=None)
    assert runs.loc[runs["label"] == "Deep", columns].notna().all(axis=None)
    (row,) = rows_of(case, "cost", "Flat")
    assert (row[1], row[4], row[5]) == ("2", "–", "–")
    (row,) = rows_of(case, "cost", "Deep")
    assert "–" not in row


def test_captions_say_what_it_is(case: Case):
    text = table_files(case.layout)["best_md"].read_text()
    assert "Flat and Deep: external programs (setting own: none of the study's), without fresh samples." in text


def test_it_stands_beside_the_others_at_each_setting(case: Case):
    sentence = say("settings", settings(case.study, read_summary(case.layout), "digits", FID))
    assert sentence == "By FID, SNGAN has the best mean in 1 of 2 settings (B)."


@pytest.fixture
def figure(case: Case, request: pytest.FixtureRequest):
    """Draws the figure of a name."""
    data = FigureData.read(case.study, case.layout)
    plans = {plan.name: plan for plan in figure_plans(case.study)}

    def drawn(name: str):
        with house_style():
            made = draw(data, plans[name])
        request.addfinalizer(lambda: plt.close(made))
        return made

    return drawn


def test_bars(figure):
    ax = figure("scores_digits_headline").axes[1]
    assert [text.get_text() for text in ax.get_xticklabels(minor=True)] == ["A", "B", "own", "A", "B", "A", "B"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["SNGAN", "Flat", "Deep", "WGAN-GP"]
    assert heights(ax) == [40, 20, 30, 40, 50, 40, 50]
    places = [x for x, _ in dots(ax)]
    assert np.diff(places) == pytest.approx([1, 1.9, 1.9, 1, 1.9, 1])


def test_curves_show_it_in_every_panel(figure):
    for ax in figure(f"training_digits_{FID.replace('@', '-')}").axes:
        lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
        assert ([STEPS], [30.0]) in lines
        assert sum(len(x) == 4 for x, _ in lines) == 3


def test_figures_of_what_it_has_not(figure):
    assert [ax.get_ylabel().split("\n")[0] for ax in figure("losses_digits").axes[::2]] == ["SNGAN", "WGAN-GP"]
    labels = [ax.get_ylabel().split("\n")[0] for ax in figure("progress_digits").axes]
    assert [label for label in labels if label] == ["SNGAN", "Deep", "WGAN-GP"]
    assert any(ax.get_title(loc="left") == "Flat (own)" for ax in figure("samples_digits").axes)
    texts = [text.get_text() for text in figure("divergence_digits").axes[0].texts]
    assert texts[:6] == ["0 of 2", "0 of 2", "–", "–", "–", "0 of 2"]


def test_sentences_name_no_setting_that_is_none(case: Case):
    summary, comparisons = read_summary(case.layout), read_comparisons(case.layout)
    text = say("leader", leader(case.study, summary, comparisons, "digits", FID))
    assert "that of **SNGAN** at setting B (20.00 ± 0.00, n = 2" in text
    assert "followed by Flat (30.00 ± 0.00, n = 2)" in text


def test_report(case: Case):
    text = " ".join(text_of(case).split())
    assert "trains 2 methods for generative adversarial networks (SNGAN and WGAN-GP) under 2 settings" in text
    assert "and runs 2 other programs (Flat and Deep), with 2 seeds each" in text
    assert "Flat does not use the settings; its setting is given as `own`" in text
    assert "Deep does not use" not in text
    section = text[text.index("## Flat") : text.index("## Deep")]
    assert "The program Flat [@tipping1999]." in section
    assert "An external program: `run {task}`." in section
    assert "&y = z" in section
    assert "`k` = 4." in section
    assert "aligned" not in text[text.index("## Deep") : text.index("## WGAN")]
    assert re.search(r"\| digits \| Flat \| – \| – \| \d", text)  # the length of its training
    assert "Programs without settings are in every panel" in text


def test_a_study_without_programs_says_nothing_of_them(written: Case):
    text = " ".join(text_of(written).split())
    assert "program" not in text
    words = "trains 3 methods for generative adversarial networks (SNGAN, WGAN-GP and BEGAN) under 2 settings, with 2"
    assert words in text
