"""The scores at the end of training by method and setting: dots with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sngan_repro.analysis.figures.curves import plain_log_labels
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.panels import Cell, ScorePanel, our_title, published_scores, study_scores
from sngan_repro.analysis.figures.style import (
    CHARACTER,
    INK,
    WIDTH,
    MethodStyle,
    canvas,
    fit,
    legend_below,
    real_handles,
    real_line,
)
from sngan_repro.analysis.naming import kinds_of
from sngan_repro.analysis.outputs import FigurePlan

MIN_PLACES = 12
LOG_FROM = 8.0
"""The axis of a positive metric that is better when lower is logarithmic if its values span more than this factor."""
GAP = 0.9
"""Space between two methods, in places of a setting."""
BESIDE = 0.27
"""The seeds are so far to the right of their mean."""


def draw_scores(data: FigureData, plan: FigurePlan) -> Any:
    """One panel per metric: a dot per method and setting with its interval, seeds as points, real images as a line."""
    panels = [study_scores(data, plan.dataset, metric, plan.methods, plan.settings) for metric in plan.metrics]
    return score_figure([[panel] for panel in panels], data.styles)


def draw_published_scores(data: FigureData, plan: FigurePlan) -> Any:
    """Rows: metrics; left the study's scores, right the published ones of the same methods, each with its own axis.

    Without real images, as published.
    """
    rows = []
    for kind, metric in kinds_of(data.study, plan.metrics):
        ours = study_scores(data, plan.dataset, metric, plan.methods, plan.settings, our_title(data, metric))
        rows.append([replace(ours, real=None), published_scores(data.reference, kind, plan.methods)])
    return score_figure(rows, data.styles)


def score_figure(grid: Sequence[Sequence[ScorePanel]], styles: dict[str, MethodStyle]) -> Any:
    """Panels in rows and columns; those of a column share methods, settings and the x axis."""
    columns = len(grid[0])
    fig, axes = canvas(0.75 + 1.45 * len(grid), rows=len(grid), columns=columns, sharex="col")
    for column in range(columns):
        top = grid[0][column]
        centres = dot_positions([len(top.settings(label)) for label in top.methods])
        room = max(0.0, (MIN_PLACES - 1 - centres[-1][-1]) / 2)  # a few dots do not fill the page
        inches = (WIDTH - 0.6 * columns) / columns / max(MIN_PLACES, centres[-1][-1] + 1)
        for row, line in enumerate(grid):
            ax = axes[row][column]
            _score_panel(ax, line[column], centres, styles, inches)
            ax.set_title(fit(line[column].title, WIDTH / columns - 0.45))
        bottom = axes[-1][column]
        _label_dots(bottom, top.methods, [top.settings(label) for label in top.methods], centres, inches)
        bottom.set_xlim(-0.6 - room, centres[-1][-1] + 0.6 + room)
    legend_below(fig, [*real_handles(fig), *_handles([panel for line in grid for panel in line])])
    return fig


def _score_panel(
    ax: Any, panel: ScorePanel, centres: list[list[float]], styles: dict[str, MethodStyle], inches: float
) -> None:
    for label, positions in zip(panel.methods, centres, strict=True):
        for setting, x in zip(panel.settings(label), positions, strict=True):
            if (label, setting) in panel.cells:
                _dot(ax, panel.cells[label, setting], styles[label], x, inches)
    if panel.distance:
        _scale(ax, panel)
    real_line(ax, panel.real)
    ax.grid(axis="x", visible=False)
    ax.tick_params(axis="x", which="both", length=0)


def _scale(ax: Any, panel: ScorePanel) -> None:
    """A logarithmic axis when means, seeds and ends of intervals, all positive, span more than LOG_FROM."""
    values = [value for cell in panel.cells.values() for value in cell.values]
    if not values or min(values) <= 0 or max(values) <= LOG_FROM * min(values):
        return
    ax.set_yscale("log")
    ax.set_ylim(min(values) / 1.3, max(values) * 1.3)
    plain_log_labels(ax)


def dot_positions(counts: Sequence[int]) -> list[list[float]]:
    """x of each dot: methods side by side with a gap, their settings, so many each, next to each other."""
    starts = [sum(counts[:place]) + place * GAP for place in range(len(counts))]
    return [[start + setting for setting in range(count)] for start, count in zip(starts, counts, strict=True)]


def _dot(ax: Any, cell: Cell, style: MethodStyle, x: float, inches: float) -> None:
    """Draw the dot of one method and setting, its interval and its seeds. inches: the space that it has."""
    if cell.mean is not None:
        if cell.low is not None:
            ax.vlines(x, cell.low, cell.high, color=style.color, linewidth=1.6)
        if len(cell.points) > 1:
            ax.plot([x + BESIDE] * len(cell.points), cell.points, linestyle="none", marker=style.marker,
                    markersize=2.4, color=style.color, alpha=0.55, mew=0)  # fmt: skip
        ax.plot(x, cell.mean, marker=style.marker, markersize=5, color=style.color, mec=INK, mew=0.5)
    if cell.diverged:
        crosses = "×" * cell.diverged if cell.diverged <= 3 else f"{cell.diverged} ×"
        text = crosses if len(crosses) * CHARACTER <= inches else "\n".join(crosses.replace(" ", ""))
        ax.text(x, 0.02, text, transform=ax.get_xaxis_transform(), ha="center", va="bottom", fontsize=8, weight="bold",
                linespacing=0.6)  # fmt: skip


def _label_dots(
    ax: Any, methods: Sequence[str], settings: Sequence[Sequence[str]], centres: list[list[float]], inches: float
) -> None:
    """Setting names under the dots, method names under their groups; turned when they would touch."""
    flat = [x for positions in centres for x in positions]
    names = [name for group in settings for name in group]
    longest = max(map(len, names))
    turn_settings = any(
        len(name) * CHARACTER > (0.95 + GAP * (len(group) == 1)) * inches for group in settings for name in group
    )
    turn_methods = any(
        len(label) * CHARACTER > inches * (len(group) + GAP) for label, group in zip(methods, settings, strict=True)
    )
    # A single setting needs no name under every dot.
    several = len(set(names)) > 1
    drop = (longest * CHARACTER * 72 + 4 if turn_settings else 11) if several else 1
    ax.xaxis.remove_overlapping_locs = False
    ax.set_xticks(flat, labels=names if several else [""] * len(names), minor=True)
    ax.set_xticks([sum(xs) / len(xs) for xs in centres], labels=list(methods))
    ax.tick_params(axis="x", which="minor", length=0, pad=2, rotation=90 if turn_settings else 0)
    ax.tick_params(axis="x", which="major", length=0, pad=drop + 2)
    for label in ax.get_xticklabels():
        label.set(weight="bold", rotation=30 if turn_methods else 0, ha="right" if turn_methods else "center")


def _handles(panels: Sequence[ScorePanel]) -> list[Any]:
    """Legend entries of what the panels show."""
    from matplotlib.lines import Line2D

    cells = [(panel, cell) for panel in panels for cell in panel.cells.values()]
    mean = "mean" if any(len(cell.points) > 1 for _, cell in cells) else "score"
    handles: list[Any] = [
        Line2D([], [], color="#777777", marker="o", markersize=5, mec=INK, mew=0.5, linestyle="none", label=mean)
    ]
    for spread in dict.fromkeys(panel.spread for panel, cell in cells if cell.low is not None):
        handles.append(Line2D([], [], color="#777777", linewidth=1.6, label=spread))
    if any(len(cell.points) > 1 for _, cell in cells):
        handles.append(Line2D([], [], color="#777777", marker="o", markersize=2.4, alpha=0.6, linestyle="none",
                              label="one seed"))  # fmt: skip
    if any(cell.diverged for _, cell in cells):
        handles.append(Line2D([], [], color=INK, marker="x", linestyle="none", label="diverged run"))
    return handles
