"""What a figure shows, read from its axes."""

from __future__ import annotations

from typing import Any


def dots(ax: Any) -> list[tuple[float, float]]:
    """(x, y) of the large markers, the means of methods and settings, from left to right."""
    shown = [line for line in ax.lines if line.get_markersize() == 5 and len(line.get_ydata()) == 1]
    return sorted((float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in shown)


def heights(ax: Any) -> list[float]:
    """The y of :func:`dots`."""
    return [y for _, y in dots(ax)]
