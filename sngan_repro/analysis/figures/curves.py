"""Scores against training."""

from __future__ import annotations

from typing import Any

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.grids import evenly
from sngan_repro.analysis.naming import metric_header, protocol_of
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.style import CHARACTER, WIDTH, canvas, legend_below, method_handles, real_handle, real_line
from sngan_repro.analysis.summary import real_value

LOG_FROM = 20.0
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
        for method in plan.methods:
            _curve(ax, data, plan.dataset, metric, method, setting)
        real_line(ax, real_value(data.summary, plan.dataset, metric))
        ax.set_title(f"Setting {setting}")
    _finish(flat, len(plan.settings), columns, _snapshots(data, plan.dataset))
    for line in axes:
        line[0].set_ylabel(metric_header(data.study, metric))
    _scale(data, plan, metric, flat)
    legend_below(fig, [*method_handles(data.styles, plan.methods), real_handle()])
    return fig


def draw_training_best(data: FigureData, plan: FigurePlan) -> Any:
    """Several metrics against updates: one panel per metric, every method at its best setting by that metric."""
    columns = min(3 if len(plan.metrics) != 4 else 2, len(plan.metrics))
    rows = -(-len(plan.metrics) // columns)
    fig, axes = canvas(0.45 + 1.75 * rows, rows, columns, sharex=True)
    flat = [ax for line in axes for ax in line]
    for ax, metric in zip(flat, plan.metrics, strict=False):
        for method in plan.methods:
            setting = data.setting(plan.dataset, method, metric)
            _curve(ax, data, plan.dataset, metric, method, setting)
        real_line(ax, real_value(data.summary, plan.dataset, metric))
        ax.set_title(metric_header(data.study, metric), wrap=True)
        _scale(data, plan, metric, [ax])
    _finish(flat, len(plan.metrics), columns, _snapshots(data, plan.dataset))
    legend_below(fig, [*method_handles(data.styles, plan.methods), real_handle()])
    return fig


def _curve(ax: Any, data: FigureData, dataset: str, metric: str, method: str, setting: str) -> None:
    """Mean over finished seeds with the range between them; a diverged run as a thin line ending in a cross."""
    style = data.styles[method]
    scores = data.scores(dataset, metric, method, setting)
    finished = scores[scores["state"] == "ok"]
    if len(finished):
        over = finished.groupby("updates")["value"].agg(["mean", "min", "max"])
        ax.fill_between(over.index, over["min"], over["max"], color=style.color, alpha=0.15, linewidth=0)
        ax.plot(over.index, over["mean"], color=style.color, marker=style.marker, linestyle=style.dash, markersize=3)
    for _, run in scores[scores["state"] == "diverged"].groupby("seed"):
        ax.plot(run["updates"], run["value"], color=style.color, linestyle=style.dash, linewidth=0.6)
        ax.plot(run["updates"].iloc[-1:], run["value"].iloc[-1:], color=style.color, marker="x", markersize=5)


def _scale(data: FigureData, plan: FigurePlan, metric: str, axes: list[Any]) -> None:
    """Logarithmic axis for an FID that spans orders of magnitude."""
    if protocol_of(data.study, metric)[0] != "fid":
        return
    scores = data.results.scores
    values = scores.loc[(scores["dataset"] == plan.dataset) & (scores["metric"] == metric), "value"].dropna()
    if len(values) and values.min() > 0 and values.max() > LOG_FROM * values.min():
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
    updates = (finished if len(finished) else scores)["updates"].dropna()
    return sorted({int(steps) for steps in updates})


def snapshot_ticks(snapshots: list[int], inches: float) -> list[int]:
    """At most MOST_TICKS snapshots, with the last, whose numbers do not touch on an axis so long that starts at 0."""
    if not snapshots:
        return []
    last = snapshots[-1]
    room = (0.08 + CHARACTER * len(str(last))) * last / inches
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
