"""A study and published values: the planned files, the figures, the tables and the report."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import synthetic
from beside import beside, value
from drawn import heights
from synthetic import make_case

from sngan_repro.analysis import outputs
from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures import draw, style
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.published import compared_metrics, incomparable, protocol_differences
from sngan_repro.analysis.ranks import agreement, published_agreement, study_agreement
from sngan_repro.analysis.stats import kendall_tau_b
from sngan_repro.analysis.summary import read_summary
from sngan_repro.analysis.tables.published import published_table
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.cli.main import main
from sngan_repro.study.reference import load_reference

PUBLISHED_KINDS = ["published_scores", "published_curves", "figure1"]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    made = make_case(tmp_path_factory.mktemp("beside"), beside(), value=value)
    aggregate(made.study, made.layout)
    make_tables(made.study, made.layout)
    return made


@pytest.fixture
def figure(case):
    import matplotlib.pyplot as plt

    data = FigureData.read(case.study, case.layout)
    with style.house_style():
        yield lambda kind: draw(data, next(p for p in outputs.figure_plans(case.study) if p.kind == kind))
        plt.close("all")


def test_files_follow_the_key(case):
    plain = beside(reference=None)
    assert set(outputs.table_files(case.layout, case.study)) - set(outputs.table_files(case.layout, plain)) == {
        "published_md",
        "published_tex",
    }
    kinds = [plan.kind for plan in outputs.figure_plans(case.study)]
    assert [kind for kind in kinds if kind not in {p.kind for p in outputs.figure_plans(plain)}] == PUBLISHED_KINDS
    assert {file.name for file in case.layout.tables.iterdir() if file.suffix != ".sha256"} == {
        file.name
        for file in [
            *outputs.table_files(case.layout, case.study).values(),
            *outputs.aggregate_files(case.layout).values(),
        ]
    }


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"settings": {"X": {"lr": 0.001}}}, "published_curves"),
        ({"methods": ["wgan_gp", "bn", "ln"]}, "figure1"),
    ],
)
def test_figures_apply_only_where_both_have_what_they_show(changes, missing):
    kinds = {plan.kind for plan in outputs.figure_plans(beside(**changes))}
    assert kinds & set(PUBLISHED_KINDS) == set(PUBLISHED_KINDS) - {missing}


@pytest.mark.parametrize(
    ("changes", "planned"),
    [
        ({}, True),
        ({"methods": ["sngan", "bn"]}, False),
        ({"snapshots": {"count": 1}}, False),
        ({"snapshots": {"every_epochs": 2}, "budget": {"epochs": 3}}, True),
        ({"snapshots": {"every_epochs": 50}, "budget": {"epochs": 30}}, False),
    ],
)
def test_rankings_need_methods_and_snapshots(changes, planned):
    assert ("ranks" in {plan.kind for plan in outputs.figure_plans(beside(**changes))}) == planned


def test_differences_are_computed(case):
    texts = protocol_differences(case.study, case.study.published)
    assert "length of training: here 400 updates; published: 300 epochs" in texts[6]
    assert any("at most 50 distinct images, each 120 times, for WGAN-GP, BEGAN and EBGAN" in text for text in texts)
    topics = [text.split(":")[0] for text in texts]
    assert "data" not in topics
    assert not any(topic.startswith("setting") for topic in topics)
    other = beside(
        datasets={"digits": {"source": "digits", "image_size": 16}},
        settings={"C": {"lr": 0.0002}},
        methods=["sngan", {"name": "wgan_gp", "setting": {"n_dis": 5}}],
        scores=[{"evaluator": "classifier", "num_fake": 600, "metrics": ["is", "fid"]}],
    )
    text = "\n".join(protocol_differences(other, other.published))
    assert "data: here digits; published: CIFAR-10" in text
    assert "feature network: here a classifier trained in this study; published: Inception" in text
    assert "image size: here 16 px" in text
    assert "D steps per G step: here 1 and 5" in text
    assert "setting C: here rates 0.0002 and 0.0002, betas 0.5 and 0.999; published: rates 0.002" in text


def test_faults_of_the_measurement_are_said():
    scores = [{"evaluator": "inception", "num_fake": 6000, "metrics": ["is", "fid"], "fault_distinct": 50}]
    study = beside(scores=scores)
    text = "\n".join(protocol_differences(study, study.published))
    assert "generated images: here 6\u202f000 images;" in text
    assert "treatment of images: here only 50 distinct images 120 times each" in text


def test_first_headline_metric_of_each_kind_is_compared():
    scores = [{"evaluator": name, "num_fake": 6000, "metrics": ["is", "fid"]} for name in ("inception", "classifier")]
    study = beside(scores=scores, headline=["fid6k_train@classifier", "is6k@inception", "fid6k_train@inception"])
    assert compared_metrics(study, study.published) == {"is": "is6k@inception", "fid": "fid6k_train@classifier"}
    reasons = [incomparable(study, study.published, "cifar10", metric) for metric in study.headline_metrics]
    assert "other features (a classifier trained in this study; published: Inception" in reasons[0]
    assert reasons[1:] == ["", ""]


def test_table_of_both(case):
    table = published_table(case.study, case.study.published, read_summary(case.layout), "cifar10")
    assert table.header[:5] == ["Method", "IS ↑", "published", "difference", "ranks"]
    assert table.rows[0][:5] == ["Real data", "9.50", "9.6727", "−0.17", "–"]
    assert table.rows[1][:5] == ["SNGAN", "5.554 ± 0.071 (C)", "3.8849 (C)", "1.669", "1 / 1"]
    assert table.rows[3][:5] == ["BN", "3.554 ± 0.071 (C)", "2.8561 (C)", "0.698", "3 / 3"]
    assert table.rows[2][5:] == ["54.46 ± 0.71 (C)", "186.357 (A)", "−131.90", "2 / 2"]
    assert "50 distinct images, each 120 times" in table.caption
    assert "No difference" not in table.caption


def test_other_features_have_ranks_but_no_difference(tmp_path):
    scores = [{"evaluator": "classifier", "num_fake": 6000, "metrics": ["is"]}]
    made = make_case(tmp_path, beside(scores=scores), value=lambda m, s, u: -value(m, s, u))
    aggregate(made.study, made.layout)
    make_tables(made.study, made.layout)
    text = outputs.table_files(made.layout, made.study)["published_md"].read_text().replace("\\", "")
    assert "| SNGAN | −5.054 ± 0.071 (A) | 3.8849 (C) | – | 3 / 1 |" in text
    assert "No difference between scores is given, since they rest on other features" in text


def test_bars_of_both_stand_side_by_side(figure, case):
    fig = figure("published_scores")
    inception, printed, *_ = fig.axes
    assert heights(printed)[:3] == [3.654, 3.717, 3.886]
    assert len(heights(inception)) == 3 * 2
    assert len(heights(printed)) == 3 * 3
    assert inception.get_title(loc="left").startswith("This study: IS")
    assert printed.get_title(loc="left").startswith("Southampton, Figure 2: IS")
    assert inception.get_ylim() != printed.get_ylim()
    assert inception.collections[0].get_color().tolist() == printed.collections[0].get_color().tolist()


def test_curves_of_both_stand_side_by_side(figure, case):
    ours, theirs, *_ = figure("published_curves").axes
    assert theirs.lines[0].get_xdata().tolist() == [50, 100, 150, 200, 250, 300]
    assert theirs.lines[0].get_ydata()[-1] == 3.89
    assert ours.lines[0].get_xdata()[-1] == pytest.approx(400 * 64 / synthetic.NUM_TRAIN)
    assert ours.lines[0].get_ydata()[-1] == pytest.approx(5.55 + 400 / 1e5)


def test_first_figure_shows_losses_and_images(figure):
    fig = figure("figure1")
    titles = [ax.get_title(loc="left") for ax in fig.axes]
    assert titles == [
        "This study: SNGAN (C, seed 0)",
        "Real data",
        "Southampton, Figure 1: SNGAN, read by eye",
        "SNGAN, end of training",
    ]
    assert {text.get_text() for text in fig.axes[2].texts} >= {"start", "band at the end", "largest late value"}


def test_tau_by_hand():
    assert kendall_tau_b([1, 2, 3, 4], [1, 2, 3, 4]) == 1
    assert kendall_tau_b([1, 2, 3], [3, 2, 1]) == -1
    assert kendall_tau_b([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)  # 5 pairs agree, 1 does not
    # one tie in the first list: 2 agree, 0 do not; 2 and 3 pairs are untied
    assert kendall_tau_b([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / np.sqrt(6))
    assert kendall_tau_b([1, 1], [1, 2]) is None


@pytest.mark.slow
def test_agreement_of_rankings(case, figure):
    assert agreement(["1"], np.ones((3, 1))) is None
    assert agreement(["1", "2"], np.ones((2, 2))) is None
    data = FigureData.read(case.study, case.layout)
    found = study_agreement(case.study, data.results, "cifar10", "is6k@inception", ["A", "C"])
    assert (found.snapshots, found.num_ranked) == (["100", "200", "300", "400"], 6)
    assert found.tau == pytest.approx(np.ones((4, 4)))
    reference = load_reference("southampton")
    assert published_agreement(reference, "fid").tau[0, -1] == pytest.approx(11 / 15)  # 13 pairs agree, 2 do not
    maps = figure("ranks").axes
    assert len(maps) == 6
    assert [text.get_text() for text in maps[5].texts][-6] == "0.73"


@pytest.mark.slow
def test_cells_without_a_finished_run_are_not_ranked(tmp_path):
    study = beside()
    lost = {spec.id: 250 for spec in study.runs() if (spec.label, spec.setting) == ("BN", "C")}
    made = make_case(tmp_path, study, value=value, diverged=lost)
    aggregate(study, made.layout)
    data = FigureData.read(study, made.layout)
    assert study_agreement(study, data.results, "cifar10", "is6k@inception", ["A", "C"]).num_ranked == 5
    assert study_agreement(study, data.results, "cifar10", "is6k@inception", ["C"]) is None
    plans = {plan.kind: plan for plan in outputs.figure_plans(study)}
    with style.house_style():
        notes = [text.get_text() for text in draw(data, plans["ranks"]).axes[2].texts]
        assert all(draw(data, plans[kind]) for kind in PUBLISHED_KINDS)
    assert notes == ["too few finished cells or snapshots"]


def test_published_alone_needs_no_study(tmp_path, capsys):
    main(["published", "--reference", "southampton", "--out", str(tmp_path / "out")])
    names = ["figure2.png", "figure2.svg", "figure3.png", "figure3.svg", "table1.csv", "table1.md", "table1.tex"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == names
    assert len(capsys.readouterr().out.splitlines()) == len(names)
    assert "| SNGAN | **3.8849** | C | **173.387** | C |" in (tmp_path / "out/table1.md").read_text()
    with (tmp_path / "out/table1.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 14
    assert rows[1] | {"value": float(rows[1]["value"])} == {
        "metric": "is",
        "label": "SNGAN",
        "setting": "C",
        "value": 3.8849,
        "error": "0.0",
        "where": "Table 1",
        "how": "printed",
        "spread": "",
    }
    with pytest.raises(SystemExit):
        main(["published", "--reference", "sauthampton", "--out", str(tmp_path)])
    assert "did you mean 'southampton'?" in capsys.readouterr().err
