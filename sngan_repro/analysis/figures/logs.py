"""Figures of the training logs: losses, and the spectral norms of D's layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sngan_repro.analysis.figures.curves import plain_log_labels
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.style import canvas, cut_note, fit, legend_below, note
from sngan_repro.analysis.outputs import FigurePlan

G_COLOR = "#555555"
WINDOWS = 40
POINTS = 160
MAX_LABELS = 8
LOG_FROM = 5.0
"""Spectral norms are drawn on a logarithmic axis when they span more than this factor."""


def draw_losses(data: FigureData, plan: FigurePlan) -> Any:
    """Rows: methods, columns: settings. D solid in the method's colour, G dashed; seeds faint, their mean strong."""
    rows, columns = len(plan.methods), len(plan.settings)
    fig, axes = canvas(0.55 + 1.05 * rows, rows, columns, sharex="col", sharey="row")
    for line, label in zip(axes, plan.methods, strict=True):
        shown: list[np.ndarray] = []
        for ax, setting in zip(line, plan.settings, strict=True):
            for _, run in data.runs(plan.dataset, label, setting).iterrows():
                if run["state"] == "diverged":
                    ax.axvline(run["diverged_at"], color="#222222", linestyle=":", linewidth=0.8)
                    ax.plot(run["diverged_at"], 0.94, "x", color="#222222", transform=ax.get_xaxis_transform())
            for column, color, dash in (
                ("d_loss", data.styles[label].color, "-"),
                ("g_loss", G_COLOR, (0, (3, 1.2))),
            ):
                shown += _loss(ax, data, plan.dataset, label, setting, column, color, dash)
            ax.margins(x=0)
        line[0].set_ylabel(f"{fit(label, 1.0)}\nloss")
        robust_limits(line[0], shown)
        for ax in line:
            cut_note(ax)
    for ax, setting in zip(axes[0], plan.settings, strict=True):
        ax.set_title(f"Setting {setting}")
    for ax in axes[-1]:
        ax.set_xlabel("generator updates")
        few_ticks(ax)
    legend_below(fig, _loss_handles())
    return fig


def _loss(
    ax: Any, data: FigureData, dataset: str, label: str, setting: str, column: str, color: str, dash: Any
) -> list[np.ndarray]:
    """Draw one loss of all seeds, and their mean while all of them train; returns the smoothed values."""
    curves = []
    for _, run in data.runs(dataset, label, setting).iterrows():
        log = data.log(run)
        curve = smooth(log["step"].to_numpy(), log[column].to_numpy(dtype=np.float64), int(run["steps_total"]))
        curves.append(curve)
        ax.plot(curve.index, curve.to_numpy(), color=color, linewidth=0.6, alpha=0.4)
    mean = pd.concat(curves, axis=1).dropna().mean(axis=1)
    ax.plot(mean.index, mean.to_numpy(), color=color, linestyle=dash, linewidth=1.1)
    return [curve.to_numpy() for curve in curves]


def smooth(steps: np.ndarray, values: np.ndarray, total: int) -> pd.Series:
    """Running mean over 1/40 of the ``total`` planned updates, at about 160 updates that all seeds share.

    Non-finite values are left out. steps, values: (T,), T at most ``total``.
    """
    return _thinned(_windows(steps, values, total).mean(), total)


def smooth_range(steps: np.ndarray, values: np.ndarray, total: int) -> tuple[pd.Series, pd.Series]:
    """(lowest, highest) value within the windows of :func:`smooth`."""
    windows = _windows(steps, values, total)
    return _thinned(windows.min(), total), _thinned(windows.max(), total)


def _windows(steps: np.ndarray, values: np.ndarray, total: int) -> Any:
    finite = pd.Series(np.where(np.isfinite(values), values, np.nan), index=steps)
    return finite.rolling(max(1, total // WINDOWS), min_periods=1)


def _thinned(curve: pd.Series, total: int) -> pd.Series:
    return curve[curve.index % max(1, total // POINTS) == 0]


def robust_limits(ax: Any, curves: list[np.ndarray]) -> None:
    """An axis for the bulk of the curves: a spike of a diverging run does not flatten all others."""
    values = np.concatenate(curves) if curves else np.array([])
    values = values[np.isfinite(values)]
    if len(values):
        low, high = np.percentile(values, [1, 99])
        room = 0.12 * (high - low) or 0.5
        ax.set_ylim(low - room, high + room)


def _loss_handles() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color="#0072B2", linestyle="-", label="D (in the method's colour)"),
        Line2D([], [], color=G_COLOR, linestyle=(0, (3, 1.2)), label="G"),
        Line2D([], [], color=G_COLOR, linewidth=0.6, alpha=0.5, label="one seed"),
        Line2D([], [], color="#222222", marker="x", linestyle=":", label="divergence"),
    ]


def few_ticks(ax: Any) -> None:
    """At most four round numbers on the x axis."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))


def draw_spectral(data: FigureData, plan: FigurePlan) -> Any:
    """Spectral norm of each layer of D over training, one panel per method; light: first layer, dark: last."""
    columns = min(2, len(plan.methods))
    rows = -(-len(plan.methods) // columns)
    fig, axes = canvas(0.2 + 1.75 * rows, rows, columns)
    flat = [ax for line in axes for ax in line]
    for ax in flat[len(plan.methods) :]:
        ax.set_visible(False)
    for ax, label in zip(flat, plan.methods, strict=False):
        run = data.shown_run(plan.dataset, label)
        state = ", diverged" if run["state"] == "diverged" else ""
        ax.set_title(fit(f"{label} ({run['setting']}, seed {run['seed']}{state})", 2.5))
        ax.set_xlabel("generator updates")
        _spectral_panel(ax, data.log(run), data.styles[label].color)
    for line in axes:
        line[0].set_ylabel("spectral norm")
    return fig


def _spectral_panel(ax: Any, log: pd.DataFrame, color: str) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    layers = [name for name in log.columns if name.startswith("spectral/")]
    measured = log[np.isfinite(log[layers]).all(axis=1)] if layers else log.iloc[:0]
    if not len(measured):
        note(ax, "not measured")
        ax.set(xticks=[], yticks=[])
        return
    shades = LinearSegmentedColormap.from_list("depth", ["#cfcfcf", color, "#111111"])
    ends = {}
    for depth, layer in enumerate(layers):
        shade = shades(0.15 + 0.75 * depth / max(1, len(layers) - 1))
        ax.plot(measured["step"], measured[layer], color=shade, linewidth=1.1)
        ends[layer.removeprefix("spectral/")] = (float(measured[layer].iloc[-1]), shade)
    ax.axhline(1, color="#777777", linestyle=(0, (1, 2)), linewidth=0.8, zorder=1)
    low, high = (float(f(measured[layers].to_numpy())) for f in (np.min, np.max))
    low, high = min(low, 0.9), max(high, 1.1)
    if high > LOG_FROM * low > 0:
        ax.set_yscale("log")
        ax.set_ylim(low / 1.1, high * 1.1)
        plain_log_labels(ax)
    else:
        ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    ax.set_xlim(0, float(measured["step"].iloc[-1]))
    few_ticks(ax)
    _end_labels(ax, ends)


def _end_labels(ax: Any, ends: dict[str, tuple[float, Any]]) -> None:
    """Layer names beside the line ends, pushed apart; of many layers the first, the last and the extremes are named."""
    names = list(ends)
    if len(names) > MAX_LABELS:
        by_value = sorted(names, key=lambda name: ends[name][0])
        names = list(dict.fromkeys([names[0], by_value[-1], by_value[0], names[-1]]))
    names.sort(key=lambda name: ends[name][0])
    to_axes = ax.transData + ax.transAxes.inverted()
    wanted = [to_axes.transform((0, ends[name][0]))[1] for name in names]
    for name, y, target in zip(names, spread(wanted, 0.1), wanted, strict=True):
        ax.plot([1, 1.05], [target, y], color=ends[name][1], lw=0.6, transform=ax.transAxes, clip_on=False)
        ax.text(1.06, y, name, fontsize=7, va="center", transform=ax.transAxes)


def spread(wanted: list[float], distance: float) -> list[float]:
    """Increasing positions pushed apart to at least ``distance``, each pair by the same amount."""
    placed = list(wanted)
    for _ in range(200):
        moved = False
        for k in range(len(placed) - 1):
            lack = distance - (placed[k + 1] - placed[k])
            if lack > 1e-9:
                placed[k] -= lack / 2
                placed[k + 1] += lack / 2
                moved = True
        if not moved:
            break
    return placed
