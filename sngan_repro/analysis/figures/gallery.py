"""Samples beside the nearest training images, and images on the way between two latents."""

from __future__ import annotations

from typing import Any

import numpy as np

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.grids import rgb
from sngan_repro.analysis.figures.style import INK, WIDTH, canvas, fit, note
from sngan_repro.analysis.gallery import gallery_images, gallery_record
from sngan_repro.analysis.outputs import FigurePlan

MAX_ROWS = 5
"""Samples of a figure at most, so that a tile stays visible."""
WAYS = ("linear", "spherical")


def draw_look_alikes(data: FigureData, plan: FigurePlan) -> Any:
    """One panel per method: a row per sample, then its nearest training images by pixels and by features."""
    columns = min(2, len(plan.methods))
    rows = -(-len(plan.methods) // columns)
    panels = []
    for label in plan.methods:
        run = data.shown_run(plan.dataset, label)
        panels.append((label, run, gallery_images(data.paths(run)), gallery_record(data.paths(run))))
    width = WIDTH / 2
    shapes = [_look_alike_sheet(images).shape for _, _, images, _ in panels if images]
    height = max([width * shape[0] / shape[1] for shape in shapes], default=1.0) + 0.45
    fig, axes = canvas(rows * height, rows, columns, width=columns * width)
    flat = [ax for line in axes for ax in line]
    for ax in flat:
        ax.set_axis_off()
    for ax, (label, run, images, record) in zip(flat, panels, strict=False):
        ax.set_title(fit(f"{label} ({run['setting']}, seed {run['seed']})", width), color=data.styles[label].color)
        if not images:
            note(ax, "no samples")
            continue
        sheet = _look_alike_sheet(images)
        ax.imshow(sheet, interpolation="none")
        share = {name: record[f"nearer_{name}"] for name in ("pixels", "features")}
        below = "sample | nearest by pixels | by features\n"
        below += ", ".join(f"{name}: {100 * value:.0f} % nearer" for name, value in share.items() if value is not None)
        ax.text(0.5, -0.02, below, transform=ax.transAxes, ha="center", va="top", fontsize=7, color=INK)
    return fig


def _look_alike_sheet(images: dict[str, np.ndarray]) -> np.ndarray:
    """(height, width, 3): a line per sample, white gaps between the three groups."""
    samples, groups = images["samples"][:MAX_ROWS], [images["by_pixels"], images["by_features"]]
    size = samples.shape[1]
    gap, wide = max(1, size // 16), max(3, size // 4)
    lines = []
    for index, sample in enumerate(samples):
        parts = [rgb(sample)]
        for group in groups:
            parts.append(np.full((size, wide, 3), 255, np.uint8))
            for place, image in enumerate(group[index]):
                parts += [np.full((size, gap, 3), 255, np.uint8)] if place else []
                parts.append(rgb(image))
        lines += [np.concatenate(parts, axis=1)]
        lines += [np.full((gap, lines[0].shape[1], 3), 255, np.uint8)]
    sheet = np.concatenate(lines[:-1])
    times = max(1, 720 // sheet.shape[1])
    return sheet.repeat(times, axis=0).repeat(times, axis=1)


def draw_interpolation(data: FigureData, plan: FigurePlan) -> Any:
    """A strip per method and way, all between two latents that the methods share."""
    shown: list[tuple[str, str, np.ndarray | None]] = []
    for label in plan.methods:
        images = gallery_images(data.paths(data.shown_run(plan.dataset, label)))
        shown += [(label, way, images[way][0]) for way in WAYS if way in images] or [(label, WAYS[0], None)]
    sheets = [None if line is None else _strip(line) for _, _, line in shown]
    ratio = next((sheet.shape[0] / sheet.shape[1] for sheet in sheets if sheet is not None), 0.125)
    height = (WIDTH - 0.9) * ratio + 0.06
    fig, axes = canvas(len(shown) * height, len(shown), 1, width=WIDTH)
    for (ax,), (label, way, _), sheet in zip(axes, shown, sheets, strict=True):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        text = f"{fit(label, 1.0)}\n{way}"
        ax.set_ylabel(text, color=data.styles[label].color, rotation=0, ha="right", va="center", fontsize=7)
        if sheet is None:
            note(ax, "no samples")
        else:
            ax.imshow(sheet, interpolation="none", aspect="auto")
    return fig


def _strip(images: np.ndarray) -> np.ndarray:
    """Images (n, H, W, C) side by side: (H, width, 3)."""
    size = images.shape[1]
    gap = np.full((size, max(1, size // 16), 3), 255, np.uint8)
    parts = [part for image in images for part in (rgb(image), gap)][:-1]
    strip = np.concatenate(parts, axis=1)
    times = max(1, 960 // strip.shape[1])
    return strip.repeat(times, axis=0).repeat(times, axis=1)
