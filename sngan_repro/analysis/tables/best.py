"""The table of each method at its best setting, from a study or from a publication."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sngan_repro.analysis.naming import REAL, metric_header, title_of
from sngan_repro.analysis.summary import best_setting, metric_decimals, ranking, real_score
from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.core.text import MISSING, decimals_by, interval, number
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class Best:
    """A method's score at its best setting; n None: a publication that has one value and no spread."""

    mean: float
    setting: str
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None

    def places(self, otherwise: int) -> int:
        """Decimals by the SD; a published value has those of its publication (``otherwise``)."""
        return otherwise if self.n is None else decimals_by(self.sd, otherwise)

    def text(self, otherwise: int) -> str:
        """``mean ± SD``, or the mean alone."""
        places = self.places(otherwise)
        spread = "" if self.sd is None or not math.isfinite(self.sd) else f" ± {number(self.sd, places)}"
        return number(self.mean, places) + spread


@dataclass(frozen=True)
class BestColumn:
    """One metric: the best score of each method that has one."""

    header: str
    decimals: int
    real: Best | None
    methods: dict[str, Best]
    leader: str | None


def study_column(study: Study, summary: pd.DataFrame, dataset: str, metric: str) -> BestColumn:
    """The study's methods, each at its best setting by the metric."""
    methods = {}
    real = real_score(summary, dataset, metric)
    for label in study.labels:
        row = best_setting(study, summary, dataset, label, metric)
        if row is not None:
            spread = (row["sd"], row["ci_low"], row["ci_high"])
            methods[label] = Best(row["mean"], str(row["setting"]), *spread, int(row["n"]))
    ranked = ranking(study, summary, dataset, metric)
    return BestColumn(
        metric_header(study, metric),
        metric_decimals(summary, dataset, metric),
        None if real.mean is None else Best(real.mean, MISSING, real.sd, real.ci_low, real.ci_high, real.n),
        methods,
        str(ranked[0]["label"]) if ranked else None,
    )


def published_column(reference: Reference, kind: str) -> BestColumn:
    """The published methods; their settings are those that another part of the publication suggests."""
    found = reference.best(kind)
    settings = next((row for metric, row in reference.best_settings.items() if metric == kind), {})
    methods = {
        label: Best(found[label].value, settings.get(label, MISSING), found[label].spread)
        for label in reference.methods
        if label in found
    }
    real = found.get(REAL)
    ranked = sorted(methods, key=lambda label: methods[label].mean, reverse=SCORES.get(kind).higher_is_better)
    decimals = max(len(repr(entry.value).partition(".")[2]) for entry in found.values())
    sign = "↑" if SCORES.get(kind).higher_is_better else "↓"
    return BestColumn(
        f"{title_of(kind)} {sign}",
        decimals,
        Best(real.value, MISSING) if real else None,
        methods,
        ranked[0] if ranked else None,
    )


def print_best(
    key: str, caption: str, labels: Sequence[str], columns: Sequence[BestColumn], diverged: dict[str, str] | None
) -> PrintedTable:
    """One row per method, real images first. diverged: None where it is not known, as is the spread then."""
    spread = diverged is not None
    header, align, real = ["Method"], "l", [REAL]
    for column in columns:
        header += [column.header, *(["95 % interval", "n"] if spread else []), "setting"]
        align += "rrrl" if spread else "rl"
        real += _cells(column.real, column.decimals, spread)
    rows, bold = [real], set()
    for label in labels:
        cells = [label]
        for column in columns:
            if column.leader == label:
                bold.add((len(rows), len(cells)))
            best = column.methods.get(label)
            cells += _cells(best, column.decimals, spread)
        rows.append(cells)
    if diverged is not None:
        header.append("diverged")
        align += "r"
        rows = [[*cells, diverged.get(cells[0], MISSING) if row else MISSING] for row, cells in enumerate(rows)]
    return PrintedTable(key, caption, align, header, rows, bold, {1})


def _cells(best: Best | None, places: int, spread: bool) -> list[str]:
    """The cells of one score: mean and SD, with ``spread`` the interval and n, and the setting."""
    if best is None:
        return [MISSING, MISSING, "0", MISSING] if spread else [MISSING, MISSING]
    between = [interval(best.low, best.high, places), str(best.n)] if spread else []
    return [best.text(places), *between, best.setting]
