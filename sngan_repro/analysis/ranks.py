"""Agreement between the rankings of methods at two snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sngan_repro.analysis.outputs import MIN_RANKED
from sngan_repro.analysis.stats import kendall_tau_b
from sngan_repro.analysis.summary import Results
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau-b between the rankings at every two snapshots."""

    snapshots: list[str]
    tau: np.ndarray
    """(T, T); NaN where a ranking has only ties"""
    num_ranked: int
    """methods, or methods x settings"""


def agreement(snapshots: Sequence[str], scores: np.ndarray) -> Agreement | None:
    """scores: (ranked, T). None with fewer than two snapshots or three things to rank."""
    ranked, times = scores.shape
    if ranked < MIN_RANKED or times < 2:
        return None
    tau = np.full((times, times), np.nan)
    for i in range(times):
        for j in range(i + 1):
            found = kendall_tau_b(scores[:, i], scores[:, j])
            tau[i, j] = tau[j, i] = np.nan if found is None else found
    return Agreement(list(snapshots), tau, ranked)


def study_agreement(
    study: Study, results: Results, dataset: str, metric: str, settings: Sequence[str]
) -> Agreement | None:
    """Of method x setting cells, each with the mean of the seeds that finished.

    Snapshots are matched by their order; cells with fewer of them than the others, or with a missing score, are left
    out. They are named by their updates, or ``1 of n`` where these differ from cell to cell.
    """
    scores = results.scores
    rows = scores[
        (scores["dataset"] == dataset)
        & (scores["metric"] == metric)
        & (scores["state"] == "ok")
        & scores["setting"].isin(list(settings))
    ]
    cells: list[pd.Series] = [
        cell.groupby("steps")["value"].mean() for _, cell in rows.groupby(["label", "setting"], sort=False)
    ]
    times = max(map(len, cells), default=0)
    cells = [cell for cell in cells if len(cell) == times and cell.notna().all()]
    if not cells:
        return None
    steps = {tuple(int(step) for step in cell.index) for cell in cells}
    names = [f"{step}" for step in steps.pop()] if len(steps) == 1 else [f"{k} of {times}" for k in range(1, times + 1)]
    return agreement(names, np.stack([cell.to_numpy(dtype=np.float64) for cell in cells]))


def published_agreement(reference: Reference, kind: str) -> Agreement | None:
    """Of the published methods at the setting of the published curves."""
    curves = reference.curves(kind)
    if not curves:
        return None
    epochs = list(next(iter(curves.values())))
    values = np.array([[curve[epoch].value for epoch in epochs] for curve in curves.values()])
    return agreement([str(epoch) for epoch in epochs], values)
