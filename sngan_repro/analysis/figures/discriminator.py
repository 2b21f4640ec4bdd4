"""What D does: the singular values of its weights, its outputs and input gradients, its loss on held-out images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sngan_repro.analysis.figures.curves import plain_log_labels
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.logs import few_ticks
from sngan_repro.analysis.figures.style import INK, WIDTH, MethodStyle, canvas, fit, legend_below, method_handles, note
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.tabular import read_spectra

SMALLEST = 1e-8
"""Squared singular values below this share of the largest are drawn there."""
SOLID, DASHED, DOTTED = "-", (0, (4, 1.5)), (0, (1.2, 1.2))
QUANTITIES: tuple[tuple[str, tuple[tuple[str, str, Any], ...]], ...] = (
    ("accuracy", (("d/accuracy_real", "real", SOLID), ("d/accuracy_fake", "generated", DASHED))),
    (
        "mean sigmoid of f",
        (
            ("d/sigmoid_real", "real", SOLID),
            ("d/sigmoid_fake", "generated", DASHED),
            ("d/sigmoid_fake_after", "the same after D's steps", DOTTED),
        ),
    ),
    (
        "input gradient",
        (
            ("d/input_gradient_mean", "mean", SOLID),
            ("d/input_gradient_p99", "99th percentile", DASHED),
            ("d/input_gradient_max", "largest", DOTTED),
        ),
    ),
)
"""Title of a column of panels -> (column of the log, name, line)."""
CRITIC_LINES = (("train", SOLID), ("held_out", DASHED))


def draw_spectra(data: FigureData, plan: FigurePlan) -> Any:
    """One panel per layer of D: squared singular values over the largest, a line per method; seeds as a band."""
    spectra = {label: found for label in plan.methods if (found := _spectra(data, plan.dataset, label))}
    layers = common_layers(spectra)
    shown = {label: found for label, found in spectra.items() if _layers(found) == layers}
    # A layer with one output has one singular value, of which there is nothing to see.
    panels = [layer for layer in layers if len(next(iter(shown.values()))[0][layer].squared) > 1]
    columns = min(4, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    fig, axes = canvas(0.45 + 1.4 * rows, rows, columns, sharey=True)
    flat = [ax for line in axes for ax in line]
    for ax in flat[max(1, len(panels)) :]:
        ax.set_visible(False)
    if not panels:
        note(flat[0], "not recorded")
        flat[0].set(xticks=[], yticks=[])
        return fig
    for ax, layer in zip(flat, panels, strict=False):
        count = 0
        for label, seeds in shown.items():
            count = len(seeds[0][layer].squared)
            _spectrum(ax, [seed[layer] for seed in seeds], data.styles[label])
        ax.set_title(fit(f"{layer} ({count})", WIDTH / columns - 0.4))
        ax.set_yscale("log")
        plain_log_labels(ax)
        ax.set_xlim(1, count)
        few_ticks(ax)
    for line in axes:
        line[0].set_ylabel("squared, relative")
    legend_below(fig, [*method_handles(data.styles, list(shown)), _rank_handle()])
    return fig


class Spectrum(NamedTuple):
    """The singular values of one layer of one run."""

    squared: np.ndarray
    """Squared, divided by the largest, decreasing."""
    effective_rank: float


def _spectra(data: FigureData, dataset: str, label: str) -> list[dict[str, Spectrum]]:
    """Layer -> its singular values, for each finished seed at the best setting."""
    runs = data.runs(dataset, label, data.setting(dataset, label))
    found = []
    for _, run in runs[runs["state"] == "ok"].iterrows():
        if (table := read_spectra(data.paths(run))) is not None:
            found.append(
                {
                    str(layer): Spectrum(
                        rows["squared"].to_numpy() / rows["squared"].max(), float(rows["effective_rank"].iloc[0])
                    )
                    for layer, rows in table.groupby("layer", sort=False)
                }
            )
    return found


def _layers(seeds: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    return tuple(seeds[0])


def common_layers(spectra: Mapping[str, Sequence[Mapping[str, object]]]) -> tuple[str, ...]:
    """The layers of most methods; those of an autoencoder are others. spectra: method -> seeds -> layer -> anything."""
    counted = Counter(_layers(seeds) for seeds in spectra.values())
    return counted.most_common(1)[0][0] if counted else ()


def _spectrum(ax: Any, seeds: Sequence[Spectrum], style: MethodStyle) -> None:
    """The median over seeds, with the range of the seeds, and a marker at the mean effective rank."""
    drawn = np.maximum([seed.squared for seed in seeds], SMALLEST)  # (seeds, singular values)
    number, middle = np.arange(1, drawn.shape[1] + 1), np.median(drawn, axis=0)
    if len(seeds) > 1:
        ax.fill_between(number, drawn.min(0), drawn.max(0), color=style.color, alpha=0.15, linewidth=0)
    ax.plot(number, middle, color=style.color, linestyle=style.dash, linewidth=1.0)
    rank = float(np.mean([seed.effective_rank for seed in seeds]))
    height = np.exp(np.interp(rank, number, np.log(middle)))
    ax.plot([rank], [height], style.marker, color=style.color, ms=4, mec=INK, mew=0.4)


def _rank_handle() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color="#777777", marker="o", linestyle="none", label="at the effective rank")


def draw_d_outputs(data: FigureData, plan: FigurePlan) -> Any:
    """Rows: methods at their best setting; columns: accuracy, mean sigmoid, norms of input gradients."""
    measured = [label for label in plan.methods if _measured(data, plan.dataset, label)] or list(plan.methods[:1])
    fig, axes = canvas(0.75 + 1.2 * len(measured), len(measured), len(QUANTITIES), sharex=True)
    for line, label in zip(axes, measured, strict=True):
        setting = data.setting(plan.dataset, label)
        for ax, (title, curves) in zip(line, QUANTITIES, strict=True):
            drawn = [
                _curve(ax, data, (plan.dataset, label, setting), column, data.styles[label].color, dash)
                for column, _, dash in curves
            ]
            if not any(drawn):
                note(ax, "not measured")
                ax.set_yticks([])
            elif title == "input gradient":
                ax.set_yscale("log")
                plain_log_labels(ax)
            else:
                ax.set_ylim(-0.04, 1.04)
            few_ticks(ax)
        line[0].set_ylabel(fit(f"{label} ({setting})", 1.1))
    for ax, (title, _) in zip(axes[0], QUANTITIES, strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xlabel("generator updates")
    names: dict[Any, list[str]] = {dash: [] for dash in (SOLID, DASHED, DOTTED)}
    for _, curves in QUANTITIES:
        for _, name, dash in curves:
            if name not in names[dash]:
                names[dash].append(name)
    legend_below(fig, [_line_handle(" / ".join(found), dash) for dash, found in names.items()])
    return fig


def _measured(data: FigureData, dataset: str, label: str) -> bool:
    """True if the log of a method has any of the quantities. That of an autoencoder has none."""
    columns = [column for _, curves in QUANTITIES for column, _, _ in curves]
    runs = data.runs(dataset, label, data.setting(dataset, label))
    return any(column in data.log(run) for _, run in runs.iterrows() for column in columns)


def draw_critic_loss(data: FigureData, plan: FigurePlan) -> Any:
    """One panel per method at its best setting: the critic loss on training and on held-out images."""
    columns = min(3, len(plan.methods))
    rows = -(-len(plan.methods) // columns)
    fig, axes = canvas(0.45 + 1.6 * rows, rows, columns)
    flat = [ax for line in axes for ax in line]
    for ax in flat[len(plan.methods) :]:
        ax.set_visible(False)
    for ax, label in zip(flat, plan.methods, strict=False):
        setting, color = data.setting(plan.dataset, label), data.styles[label].color
        at = (plan.dataset, label, setting)
        drawn = [_curve(ax, data, at, f"critic_loss/{split}", color, dash) for split, dash in CRITIC_LINES]
        if not any(drawn):
            note(ax, "not measured")
            ax.set_yticks([])
        ax.set_title(fit(f"{label} ({setting})", WIDTH / columns - 0.5))
        ax.set_xlabel("generator updates")
        few_ticks(ax)
    for line in axes:
        line[0].set_ylabel("critic loss")
    legend_below(fig, [_line_handle("training images", SOLID), _line_handle("held-out images", DASHED)])
    return fig


def _curve(ax: Any, data: FigureData, at: tuple[str, str, str], column: str, color: str, dash: Any) -> bool:
    """Draw the mean of a column of the log over seeds, and their range; False if it was not measured."""
    seeds = []
    for _, run in data.runs(*at).iterrows():
        log = data.log(run)
        if column in log:
            seeds.append(pd.Series(log[column].to_numpy(dtype=float), index=log["step"]))
    if not seeds:
        return False
    table: Any = pd.concat(seeds, axis=1)
    table = table[np.isfinite(table).all(axis=1)]  # while all seeds train
    ax.plot(table.index, table.mean(axis=1), color=color, linestyle=dash, linewidth=1.1)
    if len(seeds) > 1:
        ax.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=color, alpha=0.13, linewidth=0)
    return len(table) > 0


def _line_handle(label: str, dash: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color="#555555", linestyle=dash, label=label)
