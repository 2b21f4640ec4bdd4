"""The best method against every other one: differences paired by seed, and their permutation test."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from sngan_repro.analysis.naming import higher_is_better
from sngan_repro.analysis.stats import Summary, exchange_p, holm, paired_difference
from sngan_repro.analysis.summary import Results, by_seed, ranking
from sngan_repro.analysis.tabular import Row
from sngan_repro.study.study import Study


def comparison_rows(study: Study, results: Results, summary: pd.DataFrame) -> list[dict[str, Any]]:
    """The best method against every other, each at its best setting: differences paired by seed.

    mean_difference is first - second in the metric's unit. agreeing counts the seeds in which the first is better,
    opposing those in which the second is. p_value is that of :func:`exchange_p`, which knows that settings are chosen
    by the same scores. p_holm is corrected for all pairs of methods of this dataset and metric, since the first method
    is chosen by these scores too.
    """
    rows = []
    for dataset in study.datasets:
        for metric in study.headline_metrics:
            ranked = ranking(study, summary, dataset, metric)
            family = [_compare(study, results, dataset, metric, ranked[0], other) for other in ranked[1:]]
            p_values = _pair_p_values(study, results, dataset, metric, [str(row["label"]) for row in ranked])
            corrected = dict(zip(p_values, holm(list(p_values.values())), strict=True))
            for row in family:
                pair = (row["first"], row["second"])
                row["p_value"], row["p_holm"] = p_values.get(pair), corrected.get(pair)
            rows += family
    return rows


def _pair_p_values(
    study: Study, results: Results, dataset: str, metric: str, labels: list[str]
) -> dict[tuple[str, str], float]:
    """(method, method) -> p of all pairs in the order of ``labels`` that have a seed in common."""
    sign = 1 if higher_is_better(study, metric) else -1
    cells = {label: _finished_cells(study, results, dataset, metric, label) for label in labels}
    found = {}
    for first, second in combinations(labels, 2):
        seeds = sorted(set.intersection(*(set(cell) for label in (first, second) for cell in cells[label])))
        if seeds:
            gains = [[[sign * cell[seed] for seed in seeds] for cell in cells[label]] for label in (first, second)]
            found[first, second] = exchange_p(np.array(gains[0]), np.array(gains[1]))
    return found


def _finished_cells(study: Study, results: Results, dataset: str, metric: str, label: str) -> list[dict[int, float]]:
    """seed -> score at each setting of a method. Settings that lost more runs than others are not among the choice."""
    cells = [by_seed(results, dataset, label, setting, metric) for setting in study.settings_of(label)]
    most = max(len(cell) for cell in cells)
    return [cell for cell in cells if len(cell) == most]


def _compare(study: Study, results: Results, dataset: str, metric: str, first: Row, second: Row) -> dict[str, Any]:
    a, b = (by_seed(results, dataset, row["label"], row["setting"], metric) for row in (first, second))
    difference: Summary = paired_difference(a, b)
    sign = 1 if higher_is_better(study, metric) else -1
    gains = [sign * (a[seed] - b[seed]) for seed in sorted(a.keys() & b.keys())]
    return {
        "dataset": dataset,
        "metric": metric,
        "first": first["label"],
        "first_setting": first["setting"],
        "second": second["label"],
        "second_setting": second["setting"],
        "mean_difference": difference.mean,
        "sd": difference.sd,
        "n": difference.n,
        "ci_low": difference.ci_low,
        "ci_high": difference.ci_high,
        "agreeing": sum(gain > 0 for gain in gains),
        "opposing": sum(gain < 0 for gain in gains),
        "p_value": None,
        "p_holm": None,
    }


COMPARISON_COLUMNS = [
    "dataset",
    "metric",
    "first",
    "first_setting",
    "second",
    "second_setting",
    "mean_difference",
    "sd",
    "n",
    "ci_low",
    "ci_high",
    "agreeing",
    "opposing",
    "p_value",
    "p_holm",
]
