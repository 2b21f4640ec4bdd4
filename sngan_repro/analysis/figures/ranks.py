"""Heat maps of rank agreement between snapshots."""

from __future__ import annotations

from typing import Any

import numpy as np

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.grids import evenly
from sngan_repro.analysis.figures.style import WIDTH, canvas, fit, note
from sngan_repro.analysis.naming import kinds_of, metric_short, title_of
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.ranks import Agreement, published_agreement, study_agreement

MOST = 8
"""Snapshots in one map."""
CELL = 0.24


def draw_ranks(data: FigureData, plan: FigurePlan) -> Any:
    """One column per metric; rows: all cells of the study, then the study and the publication at its one setting."""
    rows: list[list[tuple[str, str, Agreement | None]]] = [[]]
    reference = data.study.published
    beside = reference is not None and reference.curve_setting in data.study.settings
    for kind, metric in kinds_of(data.study, plan.metrics):
        every = study_agreement(data.study, data.results, plan.dataset, metric, plan.settings)
        rows[0].append((f"{metric_short(data.study, metric)}, all settings", "generator updates", every))
        if reference is not None and beside and reference.curves(kind):
            setting = str(reference.curve_setting)
            one = study_agreement(data.study, data.results, plan.dataset, metric, [setting])
            name = metric_short(data.study, metric)
            rows.extend([] for _ in range(3 - len(rows)))
            rows[1].append((f"{name}, setting {setting}", "generator updates", one))
            published = published_agreement(reference, kind)
            rows[2].append((f"{reference.label}: {title_of(kind)}, setting {setting}", "epochs", published))
    tallest = [max(min(MOST, len(found.snapshots)) if found else 2 for *_, found in line) for line in rows]
    heights = [CELL * size + 0.62 for size in tallest]
    columns = len(plan.metrics)
    fig, axes = canvas(sum(heights), len(rows), columns, width=WIDTH if columns > 1 else 3.6, height_ratios=heights)
    for line, panels in zip(axes, rows, strict=True):
        for ax in line[len(panels) :]:
            ax.set_visible(False)
        for ax, (title, unit, found) in zip(line, panels, strict=False):
            ax.set_title(fit(title, 2.6))
            _map(ax, found, unit)
    return fig


def _map(ax: Any, found: Agreement | None, unit: str) -> None:
    """The lower triangle of one matrix, with its numbers."""
    import seaborn as sns

    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    if found is None:
        note(ax, "too few finished cells or snapshots")
        ax.set(xticks=[], yticks=[])
        return
    kept = evenly(len(found.snapshots), MOST)
    tau = found.tau[np.ix_(kept, kept)]
    names = [found.snapshots[k] for k in kept]
    hidden = np.triu(np.ones_like(tau, dtype=bool), 1)
    texts = np.array([["–" if np.isnan(t) else f"{t:.2f}".replace("-", "−") for t in row] for row in tau])
    sns.heatmap(
        np.nan_to_num(tau),
        ax=ax,
        mask=hidden,
        vmin=-1,
        vmax=1,
        cmap="RdBu",
        cbar=False,
        annot=texts,
        fmt="",
        annot_kws={"fontsize": 7},
        linewidths=1,
        linecolor="white",
        xticklabels=names,
        yticklabels=names,
    )
    ax.tick_params(length=0, rotation=0)
    ax.set_xlabel(unit)
