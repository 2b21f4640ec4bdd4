"""The printed table of the score of each run."""

from __future__ import annotations

import pandas as pd

from sngan_repro.analysis.naming import metric_header, metric_label
from sngan_repro.analysis.outputs import chunks
from sngan_repro.analysis.summary import Results, by_seed, metric_decimals
from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.core.text import MISSING, decimals_by, number
from sngan_repro.study.study import Study

MOST_COLUMNS = 10
"""Values of one table: more do not fit a page."""
DIVERGED = "×"


def seeds_tables(study: Study, results: Results, summary: pd.DataFrame, dataset: str) -> list[PrintedTable]:
    """One row per method and setting, one column per headline metric and seed."""
    pairs = [(metric, seed) for metric in study.headline_metrics for seed in study.seeds]
    if len(pairs) > MOST_COLUMNS:  # each table has whole metrics, or parts of one
        parts = [
            part
            for metric in study.headline_metrics
            for part in chunks([pair for pair in pairs if pair[0] == metric], MOST_COLUMNS)
        ]
    else:
        parts = [tuple(pairs)]
    return [_table(study, results, summary, dataset, part, place) for place, part in enumerate(parts, 1)]


def _table(
    study: Study,
    results: Results,
    summary: pd.DataFrame,
    dataset: str,
    columns: tuple[tuple[str, int], ...],
    part: int,
) -> PrintedTable:
    rows: list[list[str]] = []
    rules = set()
    metrics = list(dict.fromkeys(metric for metric, _ in columns))
    for label in study.labels:
        rules.add(len(rows))
        for setting in study.settings_of(label):
            cells = {metric: _texts(results, summary, dataset, label, setting, metric) for metric in metrics}
            rows.append([label, setting, *(cells[metric].get(seed, DIVERGED) for metric, seed in columns)])
    header = ["Method", "Setting", *(f"{metric_header(study, metric)}, seed {seed}" for metric, seed in columns)]
    labels = "; ".join(metric_label(study, metric) for metric in metrics)
    caption = (
        f"{dataset}: the score of each run at the end of training. {labels}. "
        f"{DIVERGED}: the run diverged. {MISSING}: it finished without a score."
    )
    align = "ll" + "r" * len(columns)
    return PrintedTable(f"seeds-{dataset}-{part}", caption, align, header, rows, rule_before=rules - {0})


def _texts(
    results: Results, summary: pd.DataFrame, dataset: str, label: str, setting: str, metric: str
) -> dict[int, str]:
    """Seed -> value of a run that finished, with the decimals of the SD over the seeds."""
    values = by_seed(results, dataset, label, setting, metric)
    row = summary[
        (summary["dataset"] == dataset)
        & (summary["metric"] == metric)
        & (summary["label"] == label)
        & (summary["setting"] == setting)
    ].iloc[0]
    places = decimals_by(row["sd"], metric_decimals(summary, dataset, metric))
    runs = results.runs
    mine = runs[(runs["dataset"] == dataset) & (runs["label"] == label) & (runs["setting"] == setting)]
    finished = {int(seed): MISSING for seed in mine.loc[mine["state"] == "ok", "seed"]}
    return finished | {seed: number(value, places) for seed, value in values.items()}
