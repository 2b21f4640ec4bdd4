"""The printed table of each method over all its settings."""

from __future__ import annotations

import pandas as pd

from sngan_repro.analysis.naming import arrow, higher_is_better, metric_label, metric_short
from sngan_repro.analysis.overall import (
    interquartile_mean,
    over_seeds,
    probability_of_improvement,
    tuned_on_other_seeds,
)
from sngan_repro.analysis.stats import StudentT
from sngan_repro.analysis.summary import Results, by_seed, metric_decimals
from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.core.lazy import np
from sngan_repro.core.text import MISSING, decimals_by, half_width, interval, number
from sngan_repro.study.study import Study


def overall_table(study: Study, results: Results, summary: pd.DataFrame, dataset: str, metric: str) -> PrintedTable:
    """One row per method: aggregates over its settings, and the comparison with the method of the best aggregate."""
    sign, places = (1 if higher_is_better(study, metric) else -1), metric_decimals(summary, dataset, metric)
    gains = {label: sign * _scores(study, results, dataset, label, metric) for label in study.labels}
    middle = {label: over_seeds(interquartile_mean, scores) for label, scores in gains.items()}
    ranked = [label for label in study.labels if middle[label].mean is not None]
    leader = max(ranked, key=lambda label: middle[label].mean or 0.0) if ranked else None
    rows: list[list[str]] = []
    bold: set[tuple[int, int]] = set()
    for label in study.labels:
        found, better = middle[label], StudentT(None, None, None, 0, 1.0, 1.0)
        if leader is not None and label != leader and study.settings_of(label) == study.settings_of(leader):
            better = over_seeds(probability_of_improvement, gains[leader], gains[label])
        if label == leader:
            bold.add((len(rows), 1))
        tuned = tuned_on_other_seeds(gains[label])
        own = decimals_by(half_width(found.low, found.high), places)
        num_missing = int(np.isnan(gains[label]).sum())
        rows.append(
            [
                label,
                number(None if found.mean is None else sign * found.mean, own),
                _interval(found, places, sign),
                number(sign * tuned, own),
                number(better.mean, 2),
                _interval(better, 2, 1, 0.0, 1.0),
                f"{num_missing} of {gains[label].size}",
            ]
        )
    caption = (
        f"{dataset}: {metric_label(study, metric)} of each method over all its settings. IQM: interquartile mean, the "
        "mean of the middle half of the runs of all settings (Agarwal et al. 2021). Tuned on other seeds: the mean "
        "over the seeds at the setting that is best on all other seeds, so that the choice does not flatter it. "
        f"P: the probability that a run of {leader or MISSING}, the method with the best IQM, is better than one of "
        "this method at the same setting. Intervals: of the jackknife over the training seeds, 95 % if the scores are "
        "normal; a dash where all seeds agree. Missing: runs without a score, left out. Bold: the best IQM."
    )
    header = ["Method", f"IQM of {metric_short(study, metric)} {arrow(study, metric)}", "interval"]
    header += ["tuned on other seeds", "P", "interval", "missing"]
    key = f"overall-{dataset}-{metric}".replace("@", "-")
    return PrintedTable(key, caption, "lrrrrrr", header, rows, bold)


def _scores(study: Study, results: Results, dataset: str, label: str, metric: str) -> np.ndarray:
    """(settings, seeds), NaN where a run diverged or could not be scored."""
    cells = [by_seed(results, dataset, label, setting, metric) for setting in study.settings_of(label)]
    return np.array([[cell.get(seed, np.nan) for seed in study.seeds] for cell in cells])


def _interval(found: StudentT, places: int, sign: int, least: float = -float("inf"), most: float = float("inf")) -> str:
    if found.low is None or found.high is None:
        return MISSING
    low, high = sorted((sign * found.low, sign * found.high))
    return interval(max(low, least), min(high, most), places)
