"""Variety against fidelity, divergences, and cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.style import CHARACTER, FAINT, INK, REAL_COLOR, canvas, legend_below
from sngan_repro.analysis.naming import REAL, protocol_of, title_of
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.summary import real_value, values_of
from sngan_repro.analysis.times import most_at_once
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.text import MISSING, amount


def draw_variety(data: FigureData, plan: FigurePlan) -> Any:
    """Recall (variety) against precision (fidelity): every seed small, the mean of the best setting large."""
    from matplotlib.lines import Line2D

    fig, ((ax, side),) = canvas(3.3, 1, 2, width=4.6, width_ratios=[2.9, 1])
    side.set_axis_off()
    precision, recall = plan.metrics
    for label in plan.methods:
        style, shown = data.styles[label], data.setting(plan.dataset, label)
        for setting in data.study.settings_of(label, plan.settings):
            xs, ys = (_finals(data, plan.dataset, metric, label, setting) for metric in (precision, recall))
            seeds = sorted(xs.keys() & ys.keys())
            if not seeds:
                continue
            x, y = [xs[seed] for seed in seeds], [ys[seed] for seed in seeds]
            strong = setting == shown
            ax.plot(x, y, style.marker, color=style.color, markersize=3, alpha=0.9 if strong else 0.35, mew=0)
            if strong:
                ax.plot(np.mean(x), np.mean(y), style.marker, color=style.color, markersize=8, mec=INK, mew=0.6)
    handles = [
        Line2D([], [], color=data.styles[m].color, marker=data.styles[m].marker, linestyle="none", ms=7, label=m)
        for m in plan.methods
    ]
    real_x, real_y = (real_value(data.summary, plan.dataset, metric) for metric in plan.metrics)
    if real_x is not None and real_y is not None:
        ax.plot(real_x, real_y, marker="*", color=REAL_COLOR, markersize=10, linestyle="none")
        handles.append(Line2D([], [], color=REAL_COLOR, marker="*", linestyle="none", ms=9, label=REAL))
    ax.set_xlabel(f"{title_of(protocol_of(data.study, precision)[0])} (fidelity)")
    ax.set_ylabel(f"{title_of(protocol_of(data.study, recall)[0])} (variety)")
    ax.set(xlim=(-0.03, 1.05), ylim=(-0.03, 1.05))
    side.legend(handles=handles, loc="center left", borderaxespad=0)
    return fig


def _finals(data: FigureData, dataset: str, metric: str, label: str, setting: str) -> dict[int, float]:
    scores = data.scores(dataset, metric, label, setting)
    rows = scores[scores["last"] & (scores["state"] == "ok")]
    return dict(zip(rows["seed"].astype(int), values_of(rows), strict=True))


def draw_divergence(data: FigureData, plan: FigurePlan) -> Any:
    """A map method x setting of the number of diverged runs; each cell has the number as text too."""
    import seaborn as sns

    runs = data.results.runs[data.results.runs["dataset"] == plan.dataset]
    own = any(data.study.settings_of(label) == [OWN_SETTING] for label in plan.methods)
    settings = [*plan.settings, *([OWN_SETTING] if own else [])]
    lost = np.zeros((len(plan.methods), len(settings)))
    texts = np.empty(lost.shape, dtype=object)
    for row, label in enumerate(plan.methods):
        for column, setting in enumerate(settings):
            cell = runs[(runs["label"] == label) & (runs["setting"] == setting)]
            diverged = int((cell["state"] == "diverged").sum())
            lost[row, column] = diverged / max(1, len(cell))
            texts[row, column] = f"{diverged} of {len(cell)}" if len(cell) else MISSING
    longest = max(map(len, plan.methods))
    fig, ((ax,),) = canvas(
        0.6 + 0.24 * len(plan.methods), width=0.5 + CHARACTER * longest + 0.75 * max(2, len(settings))
    )
    sns.heatmap(
        lost,
        ax=ax,
        vmin=0,
        vmax=1,
        cmap="Greys",
        cbar=False,
        annot=texts,
        fmt="",
        annot_kws={"fontsize": 7.5},
        linewidths=1,
        linecolor="white",
        xticklabels=settings,
        yticklabels=plan.methods,
    )
    ax.tick_params(length=0, rotation=0)
    ax.set(xlabel="setting")
    ax.grid(visible=False)
    for place in ax.spines.values():
        place.set(visible=True, color=FAINT)
    return fig


def draw_cost(data: FigureData, plan: FigurePlan) -> Any:
    """Left: training time per 1000 updates; right: total time, training and scoring. One bar per method."""
    from matplotlib.patches import Patch

    cost: Any = data.results.cost[data.results.cost["dataset"] == plan.dataset].set_index(["stage", "label"])
    fig, ((left, right),) = canvas(0.85 + 0.25 * len(plan.methods), 1, 2, sharey=True)
    runs = data.results.runs[data.results.runs["dataset"] == plan.dataset]
    unit, size = time_unit(max(cost.loc[(s, m), "seconds"] for s in ("train", "score") for m in plan.methods))
    for place, label in enumerate(plan.methods):
        style = data.styles[label]
        train, score = cost.loc[("train", label)], cost.loc[("score", label)]
        rate = train["seconds_per_1000_steps"]
        if not np.isnan(rate):
            left.barh(place, rate, 0.7, color=style.color, alpha=0.55, edgecolor=style.color, linewidth=0.6)
            of_method = runs[runs["label"] == label]
            single = 1000 * of_method["seconds"] / of_method["steps_done"].where(of_method["steps_done"] > 0)
            # Runs in the lower half of the bar, the number right at its end in the upper half.
            left.plot(single, [place + 0.22] * len(single), style.marker, color=style.color, ms=3, mec=INK, mew=0.35)
            left.annotate(
                amount(rate),
                (rate, place - 0.16),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
            )
        right.barh(
            place, train["seconds"] / size, 0.7, color=style.color, alpha=0.55, edgecolor=style.color, linewidth=0.6
        )
        right.barh(
            place,
            score["seconds"] / size,
            0.7,
            left=train["seconds"] / size,
            color="white",
            edgecolor=style.color,
            hatch="////",
            linewidth=0.6,
        )
    left.set_yticks(range(len(plan.methods)), labels=list(plan.methods))
    left.invert_yaxis()
    left.margins(x=0.15)
    at_once = most_at_once(data.results.runs)
    left.set_xlabel("training, s per 1000 updates" + (f" (up to {at_once} runs at once)" if at_once > 1 else ""))
    right.set_xlabel(f"all runs, {unit}")
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
    legend_below(
        fig,
        [
            Patch(facecolor="#aaaaaa", edgecolor="#777777", label="training"),
            Patch(facecolor="white", edgecolor="#777777", hatch="////", label="scoring"),
        ],
    )
    return fig


def time_unit(seconds: float) -> tuple[str, float]:
    """The largest unit in which ``seconds`` is at least 2, and its length in seconds."""
    return next(((name, size) for name, size in (("h", 3600.0), ("min", 60.0)) if seconds >= 2 * size), ("s", 1.0))
