"""The printed table of the scores of each class."""

from __future__ import annotations

import pandas as pd

from sngan_repro.analysis.naming import REAL, arrow, metric_label, protocol_of, title_of
from sngan_repro.analysis.stats import summarise
from sngan_repro.analysis.summary import Results, best_setting
from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.core.text import MISSING, decimals_for, mean_sd
from sngan_repro.study.study import Study

MOST_COLUMNS = 7
"""Methods of one table: more do not fit a page."""


def class_tables(
    study: Study, results: Results, summary: pd.DataFrame, dataset: str, metric: str
) -> list[PrintedTable]:
    """One row per class, one column per method at its best setting by the metric; real images first."""
    assert results.classes is not None
    rows = results.classes
    rows = rows[(rows["dataset"] == dataset) & (rows["metric"] == metric) & rows["last"]]
    columns = {REAL: rows[rows["state"] == "real"]}
    for label in study.labels:
        best = best_setting(study, summary, dataset, label, metric)
        if best is not None:
            mine = (rows["label"] == label) & (rows["setting"] == best["setting"]) & (rows["state"] == "ok")
            columns[f"{label} ({best['setting']})"] = rows[mine]
    columns = {name: found for name, found in columns.items() if not found.empty}
    classes = list(dict.fromkeys(rows["class"]))
    names = list(columns)
    places = decimals_for(float(value) for value in rows["value"].dropna())
    made = []
    for start in range(0, len(names), MOST_COLUMNS):
        shown = names[start : start + MOST_COLUMNS]
        cells = [[label, *(_cell(columns[name], label, places) for name in shown)] for label in classes]
        title = f"{title_of(protocol_of(study, metric)[0])} {arrow(study, metric)}"
        caption = (
            f"{dataset}: {title} of each class. Each method is at its best setting by this score. "
            f"{metric_label(study, metric)}. Mean ± SD over the training seeds that finished, of real images over "
            "their draws."
        )
        key = f"classes-{dataset}-{metric}".replace("@", "-") + (f"-{start}" if start else "")
        made.append(PrintedTable(key, caption, "l" + "r" * len(shown), ["Class", *shown], cells))
    return made


def _cell(rows: pd.DataFrame, label: str, places: int) -> str:
    found = summarise([float(value) for value in rows.loc[rows["class"] == label, "value"].dropna()])
    return mean_sd(found.mean, found.sd, places) if found.n else MISSING
