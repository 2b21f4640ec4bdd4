"""One look for all figures: page-width sizes, one colour per method, a second channel for greyscale print."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.core.files import atomic_path
from sngan_repro.core.text import amount
from sngan_repro.study.layout import Layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.3
"""Inches: the text width of the PDF report."""
HEIGHT = 8.6
"""Inches: the largest height that leaves room for a caption on the page."""
PNG_DPI = 200

CHARACTER = 0.062
"""Inches: about the width of a character of 7.5 pt."""

INK = "#222222"
FAINT = "#c8c8c8"
REAL_COLOR = "#222222"

# Okabe & Ito's colour-blind safe palette without its yellow (too light for lines) and black (real data), and two
# dark tones of Paul Tol's "muted" scheme. Neighbours differ in lightness too.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#6F6F1E")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5, 1.5, 1.2, 1.5)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (2.5, 2.5)),
    (0, (9, 2, 2, 2)),
)


@dataclass(frozen=True)
class MethodStyle:
    """Colour, marker and line of one method, the same in every figure."""

    color: str
    marker: str
    dash: Any


def method_styles(labels: Sequence[str]) -> dict[str, MethodStyle]:
    """label -> style, assigned in the order of the study; (color, marker) repeats only after 64 methods."""
    styles = {}
    for index, label in enumerate(labels):
        turn, place = divmod(index, len(_COLORS))
        shifted = (place + turn) % len(_MARKERS)
        styles[label] = MethodStyle(_COLORS[place], _MARKERS[shifted], _DASHES[shifted])
    return styles


RC: dict[str, Any] = {
    "font.family": "sans-serif",
    # Verdana and Bitstream Vera have DejaVu's widths, for browsers without it.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Bitstream Vera Sans", "sans-serif"],
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#666666",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "hatch.linewidth": 0.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text stays text: searchable, selectable, small
    "image.interpolation": "nearest",
    "axes.unicode_minus": True,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Figures drawn inside this block have one style, whatever the user's matplotlib settings are."""
    import matplotlib as mpl

    mpl.use("agg")
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        yield


def save(fig: Figure, plan: FigurePlan, layout: Layout) -> None:
    """Write the SVG and the PNG of a plan."""
    save_as(fig, plan.file(layout, "svg"), plan.file(layout, "png"))


def save_as(fig: Figure, svg: Path, png: Path) -> None:
    """Write the SVG and the PNG, atomically and the same bytes every time."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    try:
        with mpl.rc_context({"svg.hashsalt": svg.stem}):
            with atomic_path(svg) as path:
                fig.savefig(path, metadata={"Date": None, "Creator": None})
            fig.set_layout_engine("none")  # the layout is computed once, so that the SVG and the PNG have the same
            with atomic_path(png) as path:
                fig.savefig(path, dpi=PNG_DPI, metadata={"Software": None})
    finally:
        plt.close(fig)


def canvas(
    height: float, rows: int = 1, columns: int = 1, width: float = WIDTH, **options: Any
) -> tuple[Figure, list[list[Axes]]]:
    """A figure with a grid of axes; sizes in inches, cut to the page."""
    import matplotlib.pyplot as plt

    size = (min(width, WIDTH), min(height, HEIGHT))
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **options)
    fig.get_layout_engine().set(w_pad=0.03, h_pad=0.03, hspace=0.03, wspace=0.03)
    return fig, axes.tolist()


def legend_below(fig: Figure, handles: Sequence[Any]) -> None:
    """One legend for the whole figure, under the axes, in as few rows as fit."""
    widest = max(0.48 + CHARACTER * len(handle.get_label()) for handle in handles)
    one_row = sum(0.44 + CHARACTER * len(handle.get_label()) for handle in handles)
    fits = len(handles) if one_row <= WIDTH else max(1, int(WIDTH / widest))
    rows = -(-len(handles) // fits)
    columns = -(-len(handles) // rows)
    fig.legend(handles=list(handles), loc="outside lower center", ncols=columns, columnspacing=1.2)


def method_handles(styles: dict[str, MethodStyle], labels: Sequence[str]) -> list[Any]:
    """Legend entries of methods drawn as lines with markers."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=styles[m].color, marker=styles[m].marker, linestyle=styles[m].dash, label=m)
        for m in labels
    ]


REAL_LINE = "real data"


def real_handles(fig: Figure) -> list[Any]:
    """The legend entry of the line of :func:`real_line`; none if no panel has room for the line."""
    from matplotlib.lines import Line2D

    if not any(line.get_gid() == REAL_LINE for ax in fig.axes for line in ax.lines):
        return []
    return [Line2D([], [], color=REAL_COLOR, linestyle=(0, (4, 2)), linewidth=0.9, label="Real data")]


def real_line(ax: Axes, value: float | None) -> None:
    """The score of real images as a dashed line, without an effect on the range of the axis.

    If the line would be outside of the range, its value and an arrow are at the border. Call it when all else is drawn.
    """
    if value is None:
        return
    low, high = sorted(ax.get_ylim())
    ax.set_ylim(ax.get_ylim())  # an axis with a fixed range
    if low <= value <= high:
        ax.axhline(value, color=REAL_COLOR, linestyle=(0, (4, 2)), linewidth=0.9, zorder=1.5, gid=REAL_LINE)
    else:
        border_note(ax, f"real data {amount(value)} {'↑' if value > high else '↓'}")


def cut_note(ax: Axes) -> None:
    """A note at the border if lines leave the range of the axis. Call it when all is drawn."""
    low, high = sorted(ax.get_ylim())
    drawn: list[Any] = [line for line in ax.lines if line.get_transform() == ax.transData]
    values = [float(y) for line in drawn for y in line.get_ydata() if math.isfinite(y)]
    if not values:
        return
    parts = [f"{amount(max(values))} ↑"] if max(values) > high else []
    parts += [f"{amount(min(values))} ↓"] if min(values) < low else []
    if parts:
        border_note(ax, f"cut: {', '.join(parts)}")


def border_note(ax: Axes, text: str) -> None:
    """A small text above the upper right corner of the axes, where nothing is drawn."""
    ax.annotate(text, (1, 1), (0, 2), xycoords="axes fraction", textcoords="offset points", ha="right", va="bottom",
                fontsize=7, color=INK, annotation_clip=False)  # fmt: skip


def fit(text: str, inches: float, size: float = 8) -> str:
    """The text broken into lines that fit a width at ``size`` points bold."""
    width = max(4, int(inches / (0.0095 * size)))
    return "\n".join(textwrap.wrap(text, width)) if len(text) > width else text


def note(ax: Axes, text: str) -> None:
    """A remark in the middle of an empty panel."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color="#666666", fontsize=7.5)
