"""Scores against training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.grids import evenly
from sngan_repro.analysis.figures.panels import CurvePanel, our_title, published_curves, study_curves
from sngan_repro.analysis.figures.style import (
    CHARACTER,
    WIDTH,
    MethodStyle,
    canvas,
    fit,
    legend_below,
    method_handles,
    real_handles,
    real_line,
)
from sngan_repro.analysis.naming import kinds_of, metric_header, protocol_of
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.summary import real_value, values_of
from sngan_repro.evaluation.scores import SCORES

Place = TypeVar("Place", int, float)

LOG_FROM = 8.0
"""A distance is drawn on a logarithmic axis when its values span more than this factor."""
MOST_TICKS = 6


def draw_training(data: FigureData, plan: FigurePlan) -> Any:
    """One metric against generator updates: one panel per setting, one line per method."""
    columns = min(3, len(plan.settings))
    rows = -(-len(plan.settings) // columns)
    fig, axes = canvas(0.45 + 1.75 * rows, rows, columns, sharex=True, sharey=True)
    flat = [ax for line in axes for ax in line]
    metric = plan.metrics[0]
    for ax, setting in zip(flat, plan.settings, strict=False):
        at = {label: data.study.settings_of(label, [setting])[0] for label in plan.methods}
        curve_panel(ax, study_curves(data, plan.dataset, metric, plan.methods, at, f"Setting {setting}"), data.styles)
    _finish(flat, len(plan.settings), columns, _snapshots(data, plan.dataset))
    for line in axes:
        line[0].set_ylabel(metric_header(data.study, metric))
    if SCORES.get(protocol_of(data.study, metric)[0]).log_scale:
        _scale(flat, _all_values(data, plan.dataset, metric))
    for ax in flat[: len(plan.settings)]:
        real_line(ax, real_value(data.summary, plan.dataset, metric))
    legend_below(fig, [*method_handles(data.styles, plan.methods), *real_handles(fig)])
    return fig


def draw_training_best(data: FigureData, plan: FigurePlan) -> Any:
    """Several metrics against updates: one panel per metric, every method at its best setting by that metric."""
    columns = min(3 if len(plan.metrics) != 4 else 2, len(plan.metrics))
    rows = -(-len(plan.metrics) // columns)
    fig, axes = canvas(0.45 + 1.75 * rows, rows, columns, sharex=True)
    flat = [ax for line in axes for ax in line]
    for ax, metric in zip(flat, plan.metrics, strict=False):
        at = {label: data.setting(plan.dataset, label, metric) for label in plan.methods}
        header = metric_header(data.study, metric)
        curve_panel(ax, study_curves(data, plan.dataset, metric, plan.methods, at, header), data.styles)
        ax.set_title(header, wrap=True)
        if SCORES.get(protocol_of(data.study, metric)[0]).log_scale:
            _scale([ax], _all_values(data, plan.dataset, metric))
        real_line(ax, real_value(data.summary, plan.dataset, metric))
    _finish(flat, len(plan.metrics), columns, _snapshots(data, plan.dataset))
    legend_below(fig, [*method_handles(data.styles, plan.methods), *real_handles(fig)])
    return fig


def draw_published_curves(data: FigureData, plan: FigurePlan) -> Any:
    """Rows: metrics; left the study's curves at the published setting, right the published ones, each with its axes.

    Without real images, as published.
    """
    reference, (setting,) = data.reference, plan.settings
    at = {label: data.study.settings_of(label, [setting])[0] for label in plan.methods}
    rows = []
    for kind, metric in kinds_of(data.study, plan.metrics):
        ours = study_curves(data, plan.dataset, metric, plan.methods, at, our_title(data, metric), epochs=True)
        rows.append([ours, published_curves(reference, kind, plan.methods)])
    kinds = [kind for kind, _ in kinds_of(data.study, plan.metrics)]
    return curve_figure(rows, kinds, data.styles, plan.methods)


def curve_figure(
    grid: Sequence[Sequence[CurvePanel]],
    kinds: Sequence[str],
    styles: dict[str, MethodStyle],
    methods: Sequence[str],
) -> Any:
    """Panels of scores against epochs; one row per kind of metric, each panel with its own axes."""
    columns = len(grid[0])
    fig, axes = canvas(0.45 + 1.9 * len(grid), len(grid), columns)
    for kind, line, panels in zip(kinds, axes, grid, strict=True):
        for ax, panel in zip(line, panels, strict=True):
            curve_panel(ax, panel, styles)
            ax.set_title(fit(panel.title, WIDTH / columns - 0.45))
            ticks = snapshot_ticks([float(f"{x:.3g}") for x in panel.places()], WIDTH / columns - 0.5)
            ax.set_xticks(ticks, labels=[f"{epochs:g}" for epochs in ticks])
            ax.set_xlim(left=0)
            if SCORES.get(kind).log_scale:
                _scale([ax], panel.values())
    for ax in axes[-1]:
        ax.set_xlabel("epochs")
    legend_below(fig, method_handles(styles, methods))
    return fig


def curve_panel(ax: Any, panel: CurvePanel, styles: dict[str, MethodStyle]) -> None:
    """A line with its band per method; a diverged run as a thin line ending in a cross."""
    for label, curve in panel.curves.items():
        style = styles[label]
        if curve.x:
            ax.fill_between(curve.x, curve.low, curve.high, color=style.color, alpha=0.15, linewidth=0)
            ax.plot(curve.x, curve.mean, color=style.color, marker=style.marker, linestyle=style.dash, markersize=3)
        for x, y in curve.lost:
            ax.plot(x, y, color=style.color, linestyle=style.dash, linewidth=0.6)
            ax.plot(x[-1:], y[-1:], color=style.color, marker="x", markersize=5)
    ax.set_title(panel.title)


def _all_values(data: FigureData, dataset: str, metric: str) -> list[float]:
    """Every value of a metric but those of real images, which do not set the range of an axis."""
    scores = data.results.scores
    shown = (scores["dataset"] == dataset) & (scores["metric"] == metric) & (scores["state"] != "real")
    return values_of(scores[shown])


def _scale(axes: list[Any], values: list[float]) -> None:
    """Logarithmic axes for distances that span orders of magnitude."""
    if values and min(values) > 0 and max(values) > LOG_FROM * min(values):
        for ax in axes:
            ax.set_yscale("log")
            plain_log_labels(ax)


def plain_log_labels(ax: Any) -> None:
    """Numbers such as 0.1, 1, 20 on a logarithmic axis instead of powers of ten."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    low, high = sorted(ax.get_ylim())
    decades = high / max(low, 1e-30)
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 300 else (1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_locator(NullLocator())


def _snapshots(data: FigureData, dataset: str) -> list[int]:
    """The updates at which runs were scored; the last finite snapshots of diverged ones only if no run finished."""
    scores = data.results.scores[data.results.scores["dataset"] == dataset]
    finished = scores[scores["state"] == "ok"]
    rows = finished if len(finished) else scores
    return sorted({int(steps) for steps in rows["steps"].dropna()})


def snapshot_ticks(snapshots: list[Place], inches: float) -> list[Place]:
    """At most MOST_TICKS snapshots, with the last, whose numbers do not touch on an axis so long that starts at 0."""
    if not snapshots:
        return []
    last = snapshots[-1]
    room = (0.08 + CHARACTER * len(f"{last:.6g}")) * last / inches
    ticks = [last]
    for index in reversed(evenly(len(snapshots), MOST_TICKS)):
        if ticks[-1] - snapshots[index] >= room:
            ticks.append(snapshots[index])
    return ticks[::-1]


def _finish(axes: list[Any], used: int, columns: int, snapshots: list[int]) -> None:
    """Hide unused panels; ticks at snapshots; label the x axis of the lowest panel of each column."""
    ticks = snapshot_ticks(snapshots, WIDTH / columns - 0.5)
    for index, ax in enumerate(axes):
        if index >= used:
            ax.set_visible(False)
        else:
            ax.set_xticks(ticks, labels=[str(steps) for steps in ticks])
            ax.set_xlim(left=0)
            if index + columns >= used:
                ax.set_xlabel("generator updates")
                ax.tick_params(labelbottom=True)
