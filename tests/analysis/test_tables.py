import pandas as pd
import pytest
import synthetic
from synthetic import make_case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.outputs import table_files
from sngan_repro.analysis.summary import best_setting, read_comparisons, read_results, read_summary
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.core.schema import ConfigError

IS, FID = "is600@classifier", "fid600_train@classifier"


def by_table(values):
    """A score function from {(label, setting, seed): values at updates 100, 200, 300, 400}, for all metrics."""

    def value(metric, spec, steps):
        row = values[spec.label, spec.setting, spec.seed]
        return row[min(3, steps // 100 - 1)] if steps >= 100 else -1.0

    return value


VALUES = {
    ("SNGAN", "A", 0): (1.0, 9.0, 3.0, 4.0),
    ("SNGAN", "A", 1): (1.0, 2.0, 3.0, 6.0),
    ("SNGAN", "B", 0): (1.0, 1.0, 1.0, 7.0),
    ("SNGAN", "B", 1): (1.0, 1.0, 1.0, 100.0),  # diverges: not in any mean
    ("WGAN-GP", "A", 0): (1.0, 1.0, 1.0, 2.0),
    ("WGAN-GP", "A", 1): (1.0, 1.0, 1.0, 3.0),
    ("WGAN-GP", "B", 0): (1.0, 1.0, 1.0, 1.0),
    ("WGAN-GP", "B", 1): (1.0, 1.0, 1.0, 1.0),
    ("BEGAN", "A", 0): (5.0, 5.0, 5.0, 5.0),
    ("BEGAN", "A", 1): (5.0, 5.0, 5.0, 5.0),
    ("BEGAN", "B", 0): (5.0, 5.0, 5.0, 5.0),
    ("BEGAN", "B", 1): (5.0, 5.0, 5.0, 5.0),
}


def once_more(metric, spec, steps):
    """The scores of the fresh samples: 1 above the first ones for seed 0, 2 above for seed 1."""
    return by_table(VALUES)(metric, spec, steps) + 1 + spec.seed


LOST = {"digits/SNGAN/B/seed1": 350} | {f"digits/BEGAN/{s}/seed{k}": 350 for s in "AB" for k in (0, 1)}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Scores known by hand; one SNGAN run and all BEGAN runs diverge."""
    root, study = tmp_path_factory.mktemp("known"), synthetic.make_study()
    case = make_case(root, study, value=by_table(VALUES), diverged=LOST, again=once_more)
    aggregate(case.study, case.layout)
    make_tables(case.study, case.layout)
    return case


def cell(case, metric, label, setting):
    rows = read_summary(case.layout)
    found = rows[(rows["metric"] == metric) & (rows["label"] == label) & (rows["setting"] == setting)]
    assert len(found) == 1
    return found.iloc[0]


def test_statistics_at_the_last_snapshot(known):
    row = cell(known, IS, "SNGAN", "A")
    assert (row["mean"], row["n"], row["steps"]) == (5.0, 2, 400)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((5 - 12.7062, 5 + 12.7062), abs=1e-4)  # t(0.975, 1), SE 1
    assert row["sd"] == pytest.approx(2**0.5)


def test_diverged_runs_are_counted_and_kept_out_of_the_mean(known):
    row = cell(known, IS, "SNGAN", "B")
    assert (row["mean"], row["n"], row["num_runs"], row["num_diverged"]) == (7.0, 1, 2, 1)
    assert pd.isna(row["sd"])
    assert pd.isna(row["ci_low"])
    assert row["diverged_last_finite_mean"] == 1.0  # at update 349


def test_method_without_a_finished_run_has_no_mean(known):
    row = cell(known, FID, "BEGAN", "A")
    assert (row["n"], row["num_diverged"], row["diverged_last_finite_mean"]) == (0, 2, 5.0)
    assert pd.isna(row["mean"])


def test_the_best_snapshot_shows_its_fresh_score(known):
    higher, lower = cell(known, IS, "SNGAN", "A"), cell(known, FID, "SNGAN", "A")
    # IS: seed 0 peaks at 9 (update 200), seed 1 at 6 (update 400); measured again they give 10 and 8.
    assert (higher["resampled_best_mean"], higher["resampled_best_steps"]) == (9.0, "200 400")
    assert (higher["resampled_best_sd"], higher["resampled_best_n"]) == (pytest.approx(2**0.5), 2)
    # FID: both lowest at update 100, 1 and 1; measured again 2 and 3.
    assert (lower["resampled_best_mean"], lower["resampled_best_steps"]) == (2.5, "100 100")
    assert higher["mean"] == 5.0


def test_diverged_runs_enter_no_mean_of_best_snapshots(known):
    row = cell(known, IS, "SNGAN", "B")
    assert (row["resampled_best_mean"], row["resampled_best_n"], row["resampled_best_steps"]) == (8.0, 1, "400")
    assert cell(known, IS, "BEGAN", "A")["resampled_best_n"] == 0
    stored = read_results(known.layout).resampled
    lost = stored[(stored["label"] == "BEGAN") & (stored["metric"] == IS) & (stored["setting"] == "A")]
    assert list(zip(lost["state"], lost["steps"], lost["value"], strict=True)) == [
        ("diverged", 100, 6.0),
        ("diverged", 100, 7.0),
    ]


@pytest.mark.slow
def test_fresh_samples_touch_no_other_number(tmp_path):
    """Absurd scores of the fresh samples show in their own columns only."""
    study, tables = synthetic.make_study(methods=["sngan", "wgan_gp"]), []
    for name, again in (("a", synthetic.invented_again), ("b", lambda *_: 1e6)):
        case = make_case(tmp_path / name, study, again=again, diverged={"digits/SNGAN/B/seed1": 250})
        aggregate(study, case.layout)
        make_tables(study, case.layout)
        figures = FigureData.read(study, case.layout)
        curve = figures.scores("digits", FID, "SNGAN", "A")
        assert list(curve["steps"]) == [100, 200, 300, 400] * 2
        tables.append((read_results(case.layout).scores, read_comparisons(case.layout), read_summary(case.layout)))
        printed = {key: path.read_text() for key, path in table_files(case.layout).items() if key.endswith("_md")}
        del printed["settings_md"]
        tables[-1] += (printed,)
    first, second = tables
    pd.testing.assert_frame_equal(first[0], second[0])
    pd.testing.assert_frame_equal(first[1], second[1])
    own = [name for name in first[2] if name.startswith("resampled_best_")]
    assert set(second[2]["resampled_best_mean"].dropna()) == {1e6}
    pd.testing.assert_frame_equal(first[2].drop(columns=own), second[2].drop(columns=own))
    assert first[3] == second[3]


def test_a_fresh_sample_without_a_score_is_counted(tmp_path):
    study = synthetic.make_study(methods=["sngan"])
    case = make_case(tmp_path, study, value=lambda *_: 3.0, again=lambda m, spec, u: None if spec.seed == 1 else 2.0)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    row = cell(case, IS, "SNGAN", "A")
    assert (row["n"], row["resampled_best_n"], row["resampled_best_mean"]) == (2, 1, 2.0)
    assert row["resampled_best_steps"] == "100"  # the first of equals
    rows = [cells_of(li) for li in table_files(case.layout)["settings_md"].read_text().splitlines() if "| A |" in li]
    assert rows[0][4] == "2.000 (n = 1)"


def test_samples_of_external_programs_have_no_best_snapshot(tmp_path):
    study = synthetic.make_study(methods=["sngan"])
    case = make_case(tmp_path, study, value=lambda *_: 3.0, again=None)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    row = cell(case, IS, "SNGAN", "A")
    assert (row["n"], row["resampled_best_n"]) == (2, 0)
    assert pd.isna(row["resampled_best_mean"])
    rows = [cells_of(li) for li in table_files(case.layout)["settings_md"].read_text().splitlines() if "| A |" in li]
    assert rows[0][2:5] == ["**3.000 ± 0.000**", "[3.000, 3.000]", "–"]


def test_missing_scores_are_counted(tmp_path):
    study = synthetic.make_study(methods=["sngan"])
    case = make_case(tmp_path, study, value=lambda m, spec, u: None if m.startswith("kid") and spec.seed == 1 else 2.0)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    row = cell(case, "kid600_train_m100x100@classifier", "SNGAN", "A")
    assert (row["n"], row["num_missing"], row["num_diverged"], row["mean"]) == (1, 1, 0, 2.0)
    assert "2.000 (n = 1)" in table_files(case.layout)["all_scores_md"].read_text().replace("\\", "")


def test_comparisons_pair_by_seed(known):
    rows = read_comparisons(known.layout).set_index("metric")
    # By IS SNGAN is best at A, since a seed diverged at B; WGAN-GP's best is A: 4 - 2 and 6 - 3.
    assert tuple(rows.loc[IS, ["first", "first_setting", "second", "second_setting"]]) == ("SNGAN", "A", "WGAN-GP", "A")
    assert (rows.loc[IS, "mean_difference"], rows.loc[IS, "n"], rows.loc[IS, "agreeing"]) == (2.5, 2, 2)
    # Two seeds of one sign: 0.5, times two, since one setting of SNGAN is compared with two of WGAN-GP.
    assert (rows.loc[IS, "opposing"], rows.loc[IS, "p_value"], rows.loc[IS, "p_holm"]) == (0, 1.0, 1.0)
    # By FID WGAN-GP is best at B (1 and 1), SNGAN at A (4 and 6): differences -3 and -5.
    assert tuple(rows.loc[FID, ["first", "first_setting", "second_setting"]]) == ("WGAN-GP", "B", "A")
    found = rows.loc[FID]
    assert (found["mean_difference"], found["n"], found["agreeing"]) == (-4.0, 2, 2)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((-4 - 12.7062, -4 + 12.7062), abs=1e-4)


def cells_of(line):
    return [text.strip().replace("\\", "") for text in line.strip().strip("|").split(" | ")]


def test_best_table_has_the_layout_of_one_row_per_method(known):
    lines = table_files(known.layout)["best_md"].read_text().splitlines()
    rows = [cells_of(line) for line in lines if line.startswith("|")]
    assert rows[0] == [
        "Method",
        "IS ↑",
        "95 % interval",
        "n",
        "setting",
        "FID ↓",
        "95 % interval",
        "n",
        "setting",
        "diverged",
    ]
    assert [row[0] for row in rows[2:]] == ["Real data", *known.study.labels]
    # 5 draws, of 9.5 (1 + k / 64) and 2.5 (1 + k / 64), k = -2 to 2
    assert rows[2][1:6] == ["9.50 ± 0.23", "[9.21, 9.79]", "5", "–", "2.500 ± 0.062"]
    assert rows[3][:5] == ["SNGAN", "**5.0 ± 1.4**", "[−8, 18]", "2", "A"]
    assert rows[3][5:] == ["5.0 ± 1.4", "[−8, 18]", "2", "A", "1 of 4"]
    assert rows[4][5:] == ["**1.00 ± 0.00**", "[1.00, 1.00]", "2", "B", "0 of 4"]
    assert rows[5] == ["BEGAN", "–", "–", "0", "–", "–", "–", "0", "–", "4 of 4"]


def test_a_lone_survivor_is_not_the_best_setting(known):
    # SNGAN at B has the better IS, 7 against 5, from one seed of two; WGAN-GP has none diverged: the mean decides.
    summary = read_summary(known.layout)
    best = [best_setting(known.study, summary, "digits", label, IS) for label in known.study.labels]
    assert [row if row is None else (row["setting"], row["mean"]) for row in best] == [("A", 5.0), ("A", 2.5), None]
    caption = table_files(known.layout)["best_md"].read_text()
    assert "the one with the fewest diverged runs, and among those the best mean" in caption


def test_settings_table_has_every_cell(known):
    lines = table_files(known.layout)["settings_md"].read_text().splitlines()
    rows = [cells_of(line) for line in lines if line.startswith("|")][2:]
    assert [tuple(row[:2]) for row in rows] == [(m, s) for m in known.study.labels for s in "AB"]
    assert rows[0][2:5] == ["**5.0 ± 1.4**", "[−8, 18]", "9.0 ± 1.4"]
    assert rows[1][-2:] == ["1", "1 of 2"]
    header = next(cells_of(line) for line in lines if line.startswith("|"))
    assert (header[4], header[7]) == ("re-sampled best", "re-sampled best")


def test_tables_before_aggregate_is_a_clear_error(tmp_path):
    case = make_case(tmp_path, synthetic.make_study(methods=["sngan"]))
    with pytest.raises(ConfigError, match=r"scores\.csv: no such file; aggregate writes it"):
        make_tables(case.study, case.layout)


def test_reading_back_is_exact(finished):
    summary = read_summary(finished.layout)
    scores = read_results(finished.layout).scores
    cell_scores = scores[
        (scores["label"] == "SNGAN") & (scores["setting"] == "A") & (scores["metric"] == FID) & scores["last"]
    ]
    row = summary[(summary["label"] == "SNGAN") & (summary["setting"] == "A") & (summary["metric"] == FID)].iloc[0]
    assert row["mean"] == sum(cell_scores["value"]) / 2
