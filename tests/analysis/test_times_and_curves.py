"""The measured times of updates, and scores against a number: tables, figures, and the words of the report."""

from __future__ import annotations

import pandas as pd
import pytest
import synthetic
from studies import text_of, with_tables
from synthetic import make_case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures import draw, style
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.outputs import figure_plans, table_files
from sngan_repro.analysis.summary import read_results
from sngan_repro.analysis.tables.times import times_table
from sngan_repro.analysis.times import most_at_once, read_times, times_of
from sngan_repro.core.files import read_json, write_json
from sngan_repro.core.schema import ConfigError

TIMED = {
    "methods": ["sngan", "bn"],
    "benchmark": {"methods": ["SNGAN", "BN", {"name": "gan", "label": "plain"}], "image_sizes": [16, 32], "repeats": 3},
}
N_DIS = {
    "methods": ["sngan", "bn"],
    "settings": {f"n{n}": {"lr": 0.001, "n_dis": n} for n in (1, 2, 5, 10)},
    "curves": [{"key": "setting.n_dis"}],
}


def results_of(tmp_path, **changes):
    case = make_case(tmp_path, synthetic.make_study(**changes))
    aggregate(case.study, case.layout)
    return case


@pytest.fixture
def drawing(tmp_path):
    """A function: (kind, keys of the study) -> (axes, data, matplotlib figure)."""
    import matplotlib.pyplot as plt

    def make(kind, **changes):
        case = results_of(tmp_path, **changes)
        data = FigureData.read(case.study, case.layout)
        plan = next(plan for plan in figure_plans(case.study) if plan.kind == kind)
        with style.house_style():
            figure = draw(data, plan)
        return [ax for ax in figure.axes if ax.get_visible()], data, figure

    yield make
    plt.close("all")


def test_medians_and_ranges_of_the_repeats(tmp_path):
    """100 updates take 0.01 s times letters times pixels times 1.0, 1.1, 1.2."""
    case = results_of(tmp_path, **TIMED)
    found = times_of(case.study, read_times(case.layout.times)).set_index(["image_size", "label"])
    assert list(found.index) == [(size, label) for size in (16, 32) for label in ("SNGAN", "BN", "plain")]
    assert list(found.loc[(32, "BN"), ["median", "low", "high", "n"]]) == pytest.approx([0.704, 0.64, 0.768, 3])


def test_the_table_has_ratios_to_the_first_method(tmp_path):
    case = results_of(tmp_path, **TIMED)
    table = times_table(case.study, read_results(case.layout))
    assert table.header == ["Method", "16 px (s)", "range", "ratio", "32 px (s)", "range", "ratio"]
    assert table.rows[1] == ["BN", "0.352", "0.320 to 0.384", "0.40", "0.704", "0.640 to 0.768", "0.40"]
    assert "median and range of 3 measurements" in table.caption
    assert "Test processor" in table.caption


def test_times_of_another_form_of_the_study_are_an_error(tmp_path):
    case = results_of(tmp_path, **TIMED)
    record = read_json(case.layout.times)
    record["times"] = [time for time in record["times"] if time["label"] != "plain"]
    write_json(case.layout.times, record)
    with pytest.raises(ConfigError, match=r"no time of plain at 16 pixels; measure_times writes it"):
        times_of(case.study, read_times(case.layout.times))
    with pytest.raises(ConfigError, match="no time of SNGAN"):
        times_of(case.study, None)


def test_bars_of_the_times(drawing):
    axes, *_ = drawing("times", **TIMED)
    assert [ax.get_title(loc="left") for ax in axes] == ["16 px", "32 px"]
    assert [[bar.get_width() for bar in ax.patches] for ax in axes] == [
        pytest.approx([0.01 * letters * size * 1.1 for letters in (5, 2, 5)]) for size in (16, 32)
    ]
    ranges = [[segment[:, 0] for segment in lines.get_segments()] for lines in axes[0].collections]
    assert [list(place) for lines in ranges for place in lines] == [
        pytest.approx([0.16 * letters, 0.16 * letters * 1.2]) for letters in (5, 2, 5)
    ]


def test_scores_against_n_dis(drawing):
    axes, data, figure = drawing("against", **N_DIS)
    assert len(axes) == 2
    for ax, metric in zip(axes, data.study.headline_metrics, strict=True):
        lines = {line.get_color(): line for line in ax.lines if list(line.get_xdata()) == [1, 2, 5, 10]}
        for label in ("SNGAN", "BN"):
            cells = [data.cell("digits", metric, label, f"n{n}") for n in (1, 2, 5, 10)]
            drawn = lines[data.styles[label].color]
            assert list(drawn.get_ydata()) == pytest.approx([cell["mean"] for cell in cells])
        spans = [segment[:, 1] for lines in ax.collections for segment in lines.get_segments()]
        assert [list(span) for span in spans[4:]] == [
            pytest.approx([cell["mean"] - cell["sd"], cell["mean"] + cell["sd"]]) for cell in cells
        ]
        assert ax.get_xlabel() == "n_dis"
        assert ax.get_xscale() == "log"
        assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "2", "5", "10"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["SNGAN", "BN"]


def test_one_method_in_two_lines_has_two_styles(drawing):
    methods = [{"name": "sngan", "label": f"SN-{width}", "nets": {"width": width}} for width in (4, 8)]
    axes, *_ = drawing("against", methods=methods, curves=[{"key": "nets.width", "metrics": ["is600@classifier"]}])
    lines = [line for line in axes[0].lines if list(line.get_xdata()) == [4, 8]]
    assert len({line.get_color() for line in lines}) == 2
    assert axes[0].get_xscale() == "linear"


@pytest.mark.slow
def test_the_report_has_a_section_for_each(tmp_path):
    case = with_tables(tmp_path, synthetic.make_study(**{**TIMED, **N_DIS}))
    text = text_of(case)
    assert "# Scores against single numbers" in text
    assert "# Time of an update" in text
    assert r"Seconds of 100 generator updates with 5 steps of D each" in text
    assert "Time of 100 generator updates with 5 steps of D each, on random images" in text
    assert table_files(case.layout, case.study)["times_md"].read_text().startswith("**Seconds of 100")


def test_a_study_without_them_has_no_sections(tmp_path):
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"])))
    assert "# Time of an update" not in text
    assert "# Scores against single numbers" not in text


def test_runs_at_the_same_time_are_counted():
    times = [("10:00", "10:10"), ("10:05", "10:20"), ("10:10", "10:30"), ("10:12", "10:13")]
    rows = [(f"2026-01-01T{begin}:00+00:00", f"2026-01-01T{end}:00+00:00") for begin, end in times]
    runs = pd.DataFrame(rows, columns=["started", "finished"])
    assert most_at_once(runs) == 3  # from 10:12 to 10:13
    assert most_at_once(runs[:1]) == 1
    assert most_at_once(runs.iloc[[0, 2]]) == 1  # the second begins as the first ends
