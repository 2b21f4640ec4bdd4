"""Losses of one method, and real and generated images, laid out like the first figure of a publication."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.grids import samples_of, show, tiles_across
from sngan_repro.analysis.figures.logs import G_COLOR, few_ticks, robust_limits, smooth, smooth_range
from sngan_repro.analysis.figures.style import WIDTH, canvas, cut_note, fit, legend_below
from sngan_repro.analysis.naming import REAL
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.tabular import Row
from sngan_repro.study.reference import LossReadings

LOSSES = {"D": "d_loss", "G": "g_loss"}
DASHES: dict[str, Any] = {"D": "-", "G": (0, (3, 1.2))}


def draw_figure1(data: FigureData, plan: FigurePlan) -> Any:
    """Left: D and G loss, and below them what was published of them; right: real and generated images."""
    (label,), (setting,) = plan.methods, plan.settings
    losses = data.reference.loss_readings
    assert losses is not None
    runs = data.runs(plan.dataset, label, setting)
    finished = runs[runs["state"] == "ok"]
    run = (finished if len(finished) else runs).iloc[0]
    colors = {"D": data.styles[label].color, "G": G_COLOR}
    fig, axes = canvas(4.3, 2, 2, width_ratios=[1.9, 1])
    (ax, real), (below, generated) = axes
    state = ", diverged" if run["state"] == "diverged" else ""
    ax.set_title(fit(f"This study: {label} ({setting}, seed {run['seed']}{state})", 0.6 * WIDTH))
    _losses(ax, data.log(run), run, colors)
    below.set_title(fit(f"{data.reference.label}, {losses.where}: {label}, read {losses.how}", 0.6 * WIDTH))
    _readings(below, losses, colors)
    across = tiles_across(data.study.datasets[plan.dataset].image_size)
    for panel, images, title in (
        (real, data.real_images(plan.dataset, across**2), REAL),
        (generated, samples_of(data, run, "final.npy", 4), f"{label}, end of training"),
    ):
        panel.set_axis_off()
        panel.set_title(title)
        show(panel, images, across)
    legend_below(fig, _handles(colors))
    return fig


def _losses(ax: Any, log: pd.DataFrame, run: Row, colors: dict[str, str]) -> None:
    """The range within the window faint, the running mean strong."""
    steps, total, shown = log["step"].to_numpy(), int(run["steps_total"]), []
    for network, column in LOSSES.items():
        values = log[column].to_numpy(dtype=np.float64)
        mean, (low, high) = smooth(steps, values, total), smooth_range(steps, values, total)
        ax.fill_between(low.index, low, high, color=colors[network], alpha=0.22, linewidth=0)
        ax.plot(mean.index, mean.to_numpy(), color=colors[network], linestyle=DASHES[network], linewidth=1.2)
        shown += [low.to_numpy(), high.to_numpy()]
    robust_limits(ax, shown)
    cut_note(ax)
    ax.set_xlim(0, total)
    few_ticks(ax)
    ax.set(xlabel="generator updates", ylabel="loss")


def _readings(ax: Any, losses: LossReadings, colors: dict[str, str]) -> None:
    """Published values as points, ranges as bars with ends; D and G side by side."""
    last = losses.updates
    for reading in losses.readings:
        x = reading.updates + (0.008 if reading.network == "G" else -0.008) * last
        middle, half = (reading.low + reading.high) / 2, (reading.high - reading.low) / 2
        marker, color = ("o" if reading.network == "D" else "s"), colors[reading.network]
        if half:
            ax.errorbar(x, middle, half, color=color, capsize=3, linewidth=1.2, capthick=1.2)
        else:
            ax.plot(x, middle, marker, color=color, markersize=4)
        right = reading.updates > 0.5 * last
        under = reading.network == "G" and not half  # above would be among the readings of D
        ax.annotate(
            reading.what,
            (x, reading.high),
            (-4 if right else 4, -3 if under else 2),
            textcoords="offset points",
            fontsize=7,
            ha="right" if right else "left",
            va="top" if under else "bottom",
            color=color,
        )
    ax.set_xlim(-0.02 * last, 1.02 * last)
    ax.set_ylim(0, 1.15 * max(reading.high for reading in losses.readings))
    few_ticks(ax)
    ax.set(xlabel="steps", ylabel="loss")


def _handles(colors: dict[str, str]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = [Line2D([], [], color=colors[n], linestyle=DASHES[n], label=f"{n}, running mean") for n in LOSSES]
    published = Line2D([], [], color="#777777", marker="o", linestyle="none", label="published value or range")
    return [*lines, Patch(color="#bbbbbb", label="range within the window"), published]
