"""Scores at the end of training against a number of the setting, the networks or the method."""

from __future__ import annotations

from typing import Any

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.style import WIDTH, MethodStyle, canvas, fit, legend_below, real_handles, real_line
from sngan_repro.analysis.naming import metric_header
from sngan_repro.analysis.outputs import FigurePlan, curve_of
from sngan_repro.analysis.summary import real_value, values_of
from sngan_repro.study.curves import Series, series_of

LOG_FROM = 4.0
"""The axis of positive numbers is logarithmic when they span more than this factor."""


def draw_against(data: FigureData, plan: FigurePlan) -> Any:
    """One panel per metric: a line per series with the standard deviation over seeds, and the seeds as points."""
    from matplotlib.lines import Line2D

    curve = curve_of(data.study, plan)
    found = series_of(data.study, curve, plan.dataset)
    styles = _styles(data, found)
    numbers = sorted({point.x for series in found for point in series.points})
    columns = min(2, len(plan.metrics))
    rows = -(-len(plan.metrics) // columns)
    width = WIDTH if columns > 1 else 0.6 * WIDTH
    fig, axes = canvas(0.5 + 1.9 * rows, rows, columns, width)
    flat = [ax for line in axes for ax in line]
    for ax in flat[len(plan.metrics) :]:
        ax.set_visible(False)
    for ax, metric in zip(flat, plan.metrics, strict=False):
        for series, style in zip(found, styles, strict=True):
            _line(ax, data, plan.dataset, metric, series, style)
        if numbers[0] > 0 and numbers[-1] > LOG_FROM * numbers[0]:
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(_nothing())
        ax.set_xticks(numbers, labels=[f"{x:g}" for x in numbers])
        ax.set_xlabel(curve.key.removeprefix("setting.").removeprefix("nets.").removeprefix("options."))
        ax.set_title(fit(metric_header(data.study, metric), width / columns - 0.45))
        real_line(ax, real_value(data.summary, plan.dataset, metric))
    handles = [
        Line2D([], [], color=style.color, marker=style.marker, linestyle=style.dash, label=series.name)
        for series, style in zip(found, styles, strict=True)
    ]
    legend_below(fig, [*handles, *real_handles(fig)])
    return fig


def _styles(data: FigureData, found: list[Series]) -> list[MethodStyle]:
    """The style of each series: that of its first method, if no other series has it."""
    from sngan_repro.analysis.figures.style import method_styles

    labels = [series.points[0].label for series in found]
    if len(set(labels)) == len(labels):
        return [data.styles[label] for label in labels]
    return list(method_styles([series.name for series in found]).values())


def _line(ax: Any, data: FigureData, dataset: str, metric: str, series: Series, style: MethodStyle) -> None:
    means = []
    for point in series.points:
        cell = data.cell(dataset, metric, point.label, point.setting)
        scores = data.scores(dataset, metric, point.label, point.setting)
        single = values_of(scores[scores["last"] & (scores["state"] == "ok")])
        ax.plot([point.x] * len(single), single, style.marker, color=style.color, ms=2.2, alpha=0.5)
        if not single:
            continue
        means.append((point.x, cell["mean"]))
        if (sd := float(cell["sd"] or 0)) > 0:
            ax.vlines(point.x, cell["mean"] - sd, cell["mean"] + sd, color=style.color, linewidth=1.0)
    ax.plot(*zip(*means, strict=True) if means else ([], []), color=style.color, marker=style.marker,
            linestyle=style.dash, markersize=4)  # fmt: skip


def _nothing() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()
