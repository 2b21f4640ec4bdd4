"""The measured times of updates."""

from __future__ import annotations

from typing import Any

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.style import INK, canvas
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.times import times_of
from sngan_repro.core.text import amount


def draw_times(data: FigureData, plan: FigurePlan) -> Any:
    """One panel per image size, a bar per method: the median time of 100 updates, and the range of the repeats."""
    found = times_of(data.study, data.results.times)
    sizes, labels = list(found["image_size"].unique()), list(found["label"].unique())
    fig, (line,) = canvas(0.7 + 0.28 * len(labels), 1, len(sizes), sharey=True)
    for ax, size in zip(line, sizes, strict=True):
        cells = found[found["image_size"] == size].set_index("label")
        for place, label in enumerate(labels):
            cell, color = cells.loc[label], data.styles[label].color
            ax.barh(place, cell["median"], 0.7, color=color, alpha=0.55, edgecolor=color, linewidth=0.6)
            ax.hlines(place, cell["low"], cell["high"], color=INK, linewidth=1.0)
            ax.annotate(amount(cell["median"]), (cell["high"], place), (4, 0), textcoords="offset points", va="center",
                        fontsize=7)  # fmt: skip
        ax.set_title(f"{size} px")
        ax.set_xlabel("s per 100 updates")
        ax.margins(x=0.2)
        ax.set_xlim(left=0)
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
    line[0].set_yticks(range(len(labels)), labels=labels)
    line[0].invert_yaxis()
    return fig
