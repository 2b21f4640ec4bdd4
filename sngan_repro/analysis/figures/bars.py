"""Bars: the scores at the end of training, by method and setting."""

from __future__ import annotations

from typing import Any

from sngan_repro.analysis.figures.curves import plain_log_labels
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.naming import higher_is_better, metric_header
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.style import CHARACTER, INK, WIDTH, canvas, legend_below, real_handle, real_line
from sngan_repro.analysis.summary import real_value, values_of

MIN_BARS = 12
LOG_FROM = 8.0
"""Bars of a positive metric that is better when lower stand on a logarithmic axis from this range of values on."""
GAP = 0.9
"""Space between two methods, in bar widths."""


def draw_bars(data: FigureData, plan: FigurePlan) -> Any:
    """One panel per metric: a bar per method and setting with its interval, seeds as points, real images as a line."""
    centres = bar_positions(len(plan.methods), len(plan.settings))
    fig, axes = canvas(0.75 + 1.45 * len(plan.metrics), rows=len(plan.metrics), sharex=True)
    marks: dict[str, bool] = {"diverged": False}
    for (ax,), metric in zip(axes, plan.metrics, strict=True):
        for method, positions in zip(plan.methods, centres, strict=True):
            for setting, x in zip(plan.settings, positions, strict=True):
                marks["diverged"] |= _bar(ax, data, plan.dataset, metric, method, setting, x)
        real_line(ax, real_value(data.summary, plan.dataset, metric))
        if not higher_is_better(data.study, metric):
            _scale(ax)
        ax.set_title(metric_header(data.study, metric))
        ax.grid(axis="x", visible=False)
        ax.tick_params(axis="x", which="both", length=0)
    _label_bars(axes[-1][0], plan, centres)
    room = max(0.0, (MIN_BARS - 1 - centres[-1][-1]) / 2)  # a few bars do not fill the page
    axes[-1][0].set_xlim(-0.6 - room, centres[-1][-1] + 0.6 + room)
    legend_below(fig, _handles(len(data.study.seeds) > 1, marks["diverged"]))
    return fig


def _scale(ax: Any) -> None:
    """A logarithmic axis when bars, seeds and real images, all positive, span more than LOG_FROM."""
    values = [bar.get_height() for bar in ax.patches] + [y for line in ax.lines for y in line.get_ydata()]
    if not ax.patches or min(values) <= 0 or max(values) <= LOG_FROM * min(values):
        return
    ax.set_yscale("log")
    ax.set_ylim(min(values) / 1.6, max(values) * 1.3)
    plain_log_labels(ax)


def bar_positions(num_methods: int, num_settings: int) -> list[list[float]]:
    """x of each bar: methods side by side with a gap, their settings next to each other."""
    return [
        [method * (num_settings + GAP) + setting for setting in range(num_settings)] for method in range(num_methods)
    ]


def _bar(ax: Any, data: FigureData, dataset: str, metric: str, method: str, setting: str, x: float) -> bool:
    """Draw one bar; True when a run of the cell diverged."""
    cell, style = data.cell(dataset, metric, method, setting), data.styles[method]
    if cell["n"] > 0:
        ax.bar(x, cell["mean"], 0.82, color=style.color, alpha=0.55, edgecolor=style.color, linewidth=0.6)
        scores = data.scores(dataset, metric, method, setting)
        values = values_of(scores[scores["last"] & (scores["state"] == "ok")])
        offsets = [0.3 * (k / (len(values) - 1) - 0.5) if len(values) > 1 else 0.0 for k in range(len(values))]
        if cell["n"] > 1:
            ax.vlines(x, cell["ci_low"], cell["ci_high"], color=INK, linewidth=1.0)
        ax.plot(
            [x + offset for offset in offsets],
            values,
            linestyle="none",
            marker=style.marker,
            markersize=3.2,
            color=style.color,
            markeredgecolor=INK,
            markeredgewidth=0.35,
        )
    if cell["num_diverged"] > 0:
        lost = int(cell["num_diverged"])
        text = "×" * lost if lost <= 3 else f"{lost} ×"
        ax.text(x, 0.02, text, transform=ax.get_xaxis_transform(), ha="center", va="bottom", fontsize=8, weight="bold")
    return bool(cell["num_diverged"] > 0)


def _label_bars(ax: Any, plan: FigurePlan, centres: list[list[float]]) -> None:
    """Setting names under the bars, method names under their groups; turned when they would touch."""
    flat = [x for positions in centres for x in positions]
    inches = (WIDTH - 0.6) / max(MIN_BARS, flat[-1] + 1)
    longest = max(map(len, plan.settings))
    turn_settings = longest * CHARACTER > 0.95 * inches
    turn_methods = max(map(len, plan.methods)) * CHARACTER > inches * (len(plan.settings) + GAP)
    # A single setting needs no name under every bar.
    settings = plan.settings if len(plan.settings) > 1 else [""]
    drop = (longest * CHARACTER * 72 + 4 if turn_settings else 11) if len(plan.settings) > 1 else 1
    ax.xaxis.remove_overlapping_locs = False
    ax.set_xticks(flat, labels=list(settings) * len(plan.methods), minor=True)
    ax.set_xticks([sum(xs) / len(xs) for xs in centres], labels=list(plan.methods))
    ax.tick_params(axis="x", which="minor", length=0, pad=2, rotation=90 if turn_settings else 0)
    ax.tick_params(axis="x", which="major", length=0, pad=drop + 2)
    for label in ax.get_xticklabels():
        label.set(weight="bold", rotation=30 if turn_methods else 0, ha="right" if turn_methods else "center")


def _handles(several: bool, diverged: bool) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [real_handle()]
    if several:
        handles.append(Line2D([], [], color=INK, linewidth=1.0, label="95 % interval"))
    handles.append(Line2D([], [], color="#777777", marker="o", linestyle="none", label="one seed"))
    if diverged:
        handles.append(Line2D([], [], color=INK, marker="x", linestyle="none", label="diverged run"))
    return handles
