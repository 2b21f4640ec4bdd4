"""Statistics of each cell, the best settings, and comparisons between methods, from single scores.

Diverged runs are counted (``num_diverged`` of ``num_runs``) and listed, and the mean of their scores
at the last finite snapshot has its own column. They are never mixed into the mean of finished runs, which
were scored after a different number of updates.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from sngan_repro.analysis.naming import REAL, higher_is_better
from sngan_repro.analysis.outputs import aggregate_files, table_files
from sngan_repro.analysis.stats import Summary, summarise
from sngan_repro.analysis.tabular import Row, read_table
from sngan_repro.analysis.times import read_times
from sngan_repro.core.text import decimals_by, decimals_for
from sngan_repro.evaluation.selection import BEST
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class Results:
    """The tables of a study in memory. scores and resampled are the two kinds of rows of scores.csv."""

    scores: pd.DataFrame
    """every snapshot once, and real images with the number of the draw as seed"""
    resampled: pd.DataFrame
    """each run's best snapshots, measured again on a fresh sample"""
    runs: pd.DataFrame
    cost: pd.DataFrame
    classes: pd.DataFrame | None = None
    """scores of single classes, for the metrics that have them"""
    times: pd.DataFrame | None = None
    """seconds of updates that the study's ``benchmark`` measured: label, image_size, n_dis, repeat, seconds"""

    @cached_property
    def finished(self) -> dict[tuple[str, ...], dict[int, float]]:
        """(dataset, label, setting, metric) -> seed -> value at the last snapshot of the runs that finished."""
        rows = self.scores[(self.scores["state"] == "ok") & self.scores["last"] & self.scores["value"].notna()]
        found: dict[tuple[str, ...], dict[int, float]] = {}
        columns = (rows[name] for name in ("dataset", "label", "setting", "metric", "seed", "value"))
        for *cell, seed, value in zip(*columns, strict=True):
            found.setdefault(tuple(cell), {})[int(seed)] = float(value)
        return found


def read_results(layout: Layout) -> Results:
    """The tables that ``aggregate`` wrote."""
    tables = {name: read_table(path, "aggregate") for name, path in aggregate_files(layout).items()}
    scores = tables.pop("scores")
    again = scores["selection"] == BEST
    times = read_times(layout.times)
    return Results(scores[~again].reset_index(drop=True), scores[again].reset_index(drop=True), **tables, times=times)


def read_summary(layout: Layout) -> pd.DataFrame:
    """The table of statistics that ``make_tables`` wrote."""
    return read_table(table_files(layout)["summary"], "make_tables")


def read_comparisons(layout: Layout) -> pd.DataFrame:
    """The table of paired differences that ``make_tables`` wrote."""
    return read_table(table_files(layout)["comparisons"], "make_tables")


def summarise_study(study: Study, results: Results) -> pd.DataFrame:
    """The table of statistics, computed in memory: what ``make_tables`` writes as summary.csv."""
    return pd.DataFrame(summary_rows(study, results))


def values_of(frame: pd.DataFrame) -> list[float]:
    """The values of score rows, without missing ones."""
    return [float(value) for value in frame["value"].dropna()]


def summary_rows(study: Study, results: Results) -> list[dict[str, Any]]:
    """One row per dataset, metric, method and setting, and one per dataset and metric for real images.

    Those of real images have mean, sd, n, ci_low and ci_high over the draws.
    mean, sd, n, ci_low, ci_high: over the seeds whose training finished, at the last snapshot.
    resampled_best_*: over the same seeds, of each seed's best snapshot: chosen by this metric on the sample of the
    other columns, measured on a fresh one. ``resampled_best_steps`` are the snapshots chosen, one per seed counted
    in ``resampled_best_n``. Samples of external programs have none.
    """
    rows = []
    keys = ["dataset", "metric", "label", "setting"]
    cells = dict(tuple(results.scores.groupby(keys, sort=False)))
    resampled = dict(tuple(results.resampled.groupby(keys, sort=False)))
    none = results.resampled.iloc[:0]
    for dataset in study.datasets:
        for metric in study.metric_names:
            real = summarise(values_of(cells[dataset, metric, REAL, ""]))
            rows.append({"dataset": dataset, "metric": metric, "label": REAL, "setting": "", **asdict(real)})
            for label in study.labels:
                for setting in study.settings_of(label):
                    at = (dataset, metric, label, setting)
                    rows.append(dict(zip(keys, at, strict=True)) | _cell_statistics(cells[at], resampled.get(at, none)))
    return rows


def _cell_statistics(cell: pd.DataFrame, resampled: pd.DataFrame) -> dict[str, Any]:
    """Statistics of one dataset x metric x method x setting.

    cell: its score rows, all seeds and snapshots. resampled: those of its best snapshots, measured again.
    """
    last = cell[cell["last"]]
    finished = last[last["state"] == "ok"]
    diverged = last[last["state"] == "diverged"]
    values = values_of(finished)
    best = resampled[(resampled["state"] == "ok") & resampled["value"].notna()]
    at_best = summarise(values_of(best))
    at_divergence = summarise(values_of(diverged))
    return {
        **asdict(summarise(values)),
        "steps": int(finished["steps"].iloc[0]) if len(finished) else None,
        "num_runs": len(last),
        "num_diverged": len(diverged),
        "num_missing": len(finished) - len(values),
        "resampled_best_mean": at_best.mean,
        "resampled_best_sd": at_best.sd,
        "resampled_best_n": at_best.n,
        "resampled_best_steps": " ".join(str(int(steps)) for steps in best["steps"]),
        "diverged_last_finite_mean": at_divergence.mean,
    }


def best_setting(study: Study, summary: pd.DataFrame, dataset: str, label: str, metric: str) -> Row | None:
    """The summary row of a method's best setting; the first of equals; None when no run finished.

    The settings in which the most runs finished come first, then the best mean. So the mean of a single finished
    run does not win against a setting where every seed finished.
    """
    rows = summary[(summary["dataset"] == dataset) & (summary["metric"] == metric) & (summary["label"] == label)]
    rows = rows[rows["mean"].notna()]
    if rows.empty:
        return None
    mean = rows.loc[rows["n"] == rows["n"].max(), "mean"]
    at: Any = mean.idxmax() if higher_is_better(study, metric) else mean.idxmin()
    return rows.loc[at]


def shown_setting(study: Study, summary: pd.DataFrame, dataset: str, label: str, metric: str) -> str:
    """The setting to show a method at: the best by ``metric``, or the first one when no run finished."""
    best = best_setting(study, summary, dataset, label, metric)
    return str(best["setting"]) if best is not None else study.settings_of(label)[0]


def real_score(summary: pd.DataFrame, dataset: str, metric: str) -> Summary:
    """The score of real images over its draws; n is 0 when it is missing."""
    rows = summary[(summary["dataset"] == dataset) & (summary["metric"] == metric) & (summary["label"] == REAL)]
    row = rows.iloc[0]
    mean, sd, low, high = (
        None if pd.isna(row[name]) else float(row[name]) for name in ("mean", "sd", "ci_low", "ci_high")
    )
    return Summary(mean, sd, int(row["n"]), low, high)


def real_value(summary: pd.DataFrame, dataset: str, metric: str) -> float | None:
    """The mean score of real images, None when it is missing."""
    return real_score(summary, dataset, metric).mean


def metric_decimals(summary: pd.DataFrame, dataset: str, metric: str) -> int:
    """Decimals of values of a metric that have no uncertainty of their own: the median of those by the cells' SDs.

    With one seed there are no SDs. Then it is about four digits of the largest value.
    """
    rows = summary[(summary["dataset"] == dataset) & (summary["metric"] == metric) & (summary["label"] != REAL)]
    if places := sorted(decimals_by(float(sd), 0) for sd in rows["sd"].dropna() if sd > 0):
        return places[len(places) // 2]
    return decimals_for(float(value) for value in rows["mean"].dropna())


def by_seed(results: Results, dataset: str, label: str, setting: str, metric: str) -> dict[int, float]:
    """seed -> value at the last snapshot of the finished runs of one cell."""
    return dict(results.finished.get((dataset, label, setting, metric), {}))


def ranking(study: Study, summary: pd.DataFrame, dataset: str, metric: str) -> list[Row]:
    """The best setting of each method, best method first; methods without a finished run are left out."""
    found = [best_setting(study, summary, dataset, label, metric) for label in study.labels]
    rows = [row for row in found if row is not None]
    return sorted(rows, key=lambda row: row["mean"], reverse=higher_is_better(study, metric))
