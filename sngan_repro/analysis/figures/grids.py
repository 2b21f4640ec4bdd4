"""Sample grids: methods side by side with real images, and samples of the same latents over the training."""

from __future__ import annotations

from typing import Any

import numpy as np

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.style import HEIGHT, INK, WIDTH, canvas, fit, note
from sngan_repro.analysis.naming import REAL
from sngan_repro.analysis.outputs import FigurePlan
from sngan_repro.analysis.tabular import Row, read_array
from sngan_repro.config.finished import check_run_file
from sngan_repro.core.schema import ConfigError

COLUMNS = 4
NUM_PROGRESS = 6
"""At most so many snapshots side by side."""
PRINT_PIXELS = 480
"""Grids are enlarged to about this many pixels, so that no viewer blurs them."""


def tiles_across(image_size: int) -> int:
    """8 x 8 tiles of small images, fewer of large ones, so that a tile stays visible in print."""
    return min(8, max(3, 256 // image_size))


def tile(images: np.ndarray, across: int) -> np.ndarray:
    """The first across^2 images (N, H, W, C) uint8 as one RGB image with white gaps; missing tiles stay white."""
    images = images[: across * across]
    if images.shape[-1] == 1:
        images = np.repeat(images, 3, axis=-1)
    height, width = images.shape[1:3]
    gap = max(1, height // 16)
    grid = np.full((across * (height + gap) - gap, across * (width + gap) - gap, 3), 255, np.uint8)
    for index, image in enumerate(images):
        y, x = (index // across) * (height + gap), (index % across) * (width + gap)
        grid[y : y + height, x : x + width] = image
    times = max(1, PRINT_PIXELS // grid.shape[1])
    return grid.repeat(times, axis=0).repeat(times, axis=1)


def rgb(image: np.ndarray) -> np.ndarray:
    """(H, W, C) -> (H, W, 3)"""
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def draw_samples(data: FigureData, plan: FigurePlan) -> Any:
    """Real training images and the final samples of each method at its best setting."""
    num_panels = len(plan.methods) + 1
    columns = min(COLUMNS, num_panels)
    rows = -(-num_panels // columns)
    across = tiles_across(data.study.datasets[plan.dataset].image_size)
    panel = WIDTH / COLUMNS
    fig, axes = canvas(rows * (panel + 0.2), rows, columns, width=columns * panel)
    flat = [ax for line in axes for ax in line]
    for ax in flat:
        ax.set_axis_off()
    show(flat[0], data.real_images(plan.dataset, across**2), across)
    flat[0].set_title(REAL, color=INK)
    for ax, label in zip(flat[1:], plan.methods, strict=False):
        run = data.shown_run(plan.dataset, label)
        show(ax, samples_of(data, run, "final.npy", 4), across)
        state = ", diverged" if run["state"] == "diverged" else ""
        ax.set_title(fit(f"{label} ({run['setting']}{state})", panel), color=data.styles[label].color)
    return fig


def draw_progress(data: FigureData, plan: FigurePlan) -> Any:
    """Rows: methods at their best setting; columns: snapshots. The latents are the same within a row."""
    return _progress_figure(data, [data.shown_run(plan.dataset, label) for label in plan.methods])


def draw_progress_all(data: FigureData, plan: FigurePlan) -> Any:
    """Rows: settings of one method; columns: snapshots. The first seed that finished represents a setting."""
    (label,) = plan.methods
    settings = data.study.settings_of(label, plan.settings)
    return _progress_figure(data, [data.first_run(plan.dataset, label, setting) for setting in settings])


def _progress_figure(data: FigureData, runs: list[Row]) -> Any:
    """One row per run."""
    chosen = [(run, _progress(data, run)) for run in runs]
    columns = max(1, max(len(shown) for _, shown in chosen))
    cell = min((WIDTH - 0.5) / columns, (HEIGHT - 0.3) / len(chosen) - 0.2, 1.1)
    fig, axes = canvas(len(chosen) * (cell + 0.2) + 0.3, len(chosen), columns, width=0.5 + columns * cell)
    for line, (run, shown) in zip(axes, chosen, strict=True):
        label = str(run["label"])
        for ax in line:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        for ax, (steps, images) in zip(line, shown, strict=False):
            across = min(4, tiles_across(images.shape[1]))
            show(ax, images, across)
            ax.set_title(f"{steps:,}".replace(",", "\u202f"), weight="normal", fontsize=7, pad=2)
        if not shown:
            note(line[0], "no samples")
        state = ", diverged" if run["state"] == "diverged" else ""
        lines = [fit(label, cell), fit(f"({run['setting']}{state})", cell)]
        line[0].set_ylabel("\n".join(lines), color=data.styles[label].color, weight="bold")
    fig.supxlabel("above each grid: generator updates", fontsize=7.5)
    return fig


def _progress(data: FigureData, run: Row) -> list[tuple[int, np.ndarray]]:
    """(updates, images) of at most NUM_PROGRESS snapshots of a run, the first and the last among them."""
    arrays, steps = samples_of(data, run, "progress.npy", 5), snapshot_steps(data, run)
    if arrays is None:
        return []
    if len(arrays) != len(steps):
        path = data.paths(run).samples / "progress.npy"
        raise ConfigError(f"{path}: {len(arrays)} snapshots, but the run has {len(steps)}; train it again")
    return [(steps[k], arrays[k]) for k in evenly(len(steps), NUM_PROGRESS)]


def evenly(count: int, most: int) -> list[int]:
    """At most ``most`` of the indices 0 .. count - 1, evenly spaced, with the first and the last."""
    if count <= most:
        return list(range(count))
    return sorted({round(k * (count - 1) / (most - 1)) for k in range(most)})


def snapshot_steps(data: FigureData, run: Row) -> list[int]:
    """The updates of the run's snapshots, increasing."""
    scores = data.results.scores
    rows = scores[
        (scores["dataset"] == run["dataset"])
        & (scores["label"] == run["label"])
        & (scores["setting"] == run["setting"])
        & (scores["seed"] == run["seed"])
    ]
    return sorted({int(steps) for steps in rows["steps"]})


def samples_of(data: FigureData, run: Row, name: str, ndim: int) -> np.ndarray | None:
    """A sample array of a run; a diverged run may have none."""
    path = data.paths(run).samples / name
    if run["state"] == "diverged" and not path.exists():
        return None
    check_run_file(data.paths(run), path)
    return read_array(path, ndim)


def show(ax: Any, images: np.ndarray | None, across: int) -> None:
    """Images as tiles, or a note that there are none."""
    if images is None:
        note(ax, "no samples")
    else:
        ax.imshow(tile(images, across), interpolation="none")
