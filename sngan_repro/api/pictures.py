"""Pictures of a generator: a row per seed and class, ways between latents, and the same latents over the training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from sngan_repro.api.generators import Generator, load_generator
from sngan_repro.config.gallery import Way
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.latents import interpolate
from sngan_repro.nets.sampling import grid


def rows_of(
    generator: Generator,
    seeds: Sequence[int] = (0,),
    labels: Sequence[int] | None = None,
    columns: int = 8,
    way: Way | None = None,
    across: bool = False,
) -> np.ndarray:
    """Images in rows, uint8 (rows, columns, H, W, C): for each seed a row, or a row per class.

    labels: classes of a class-conditional generator; the rows of a seed share their latents. Default: the labels that
    are drawn with the latents of the seed. way: go between the first two latents of each seed, linear or spherical,
    instead of independent samples; a class-conditional generator then keeps the label of the first one.
    across: for each seed a row from each class of ``labels`` (default: all) to the next, as
    :meth:`Generator.interpolation` makes them.
    Raises ConfigError for labels of an unconditional generator, and for unknown classes.
    """
    num_classes = len(generator.label_law.shares) if generator.label_law else 0
    if labels is not None and not num_classes:
        raise ConfigError(
            f"{generator.spec.name}: this generator is unconditional: `labels` have no effect; remove them"
        )
    if labels is not None and any(not 0 <= label < num_classes for label in labels):
        raise ConfigError(f"{generator.spec.name}: `labels` are from 0 to {num_classes - 1}; found {list(labels)}")
    if across:
        chosen = list(range(num_classes)) if labels is None else labels
        ways = [generator.interpolation(columns, max(1, len(chosen)), seed, chosen, across=True) for seed in seeds]
        return np.stack(ways).reshape(-1, columns, *ways[0].shape[1:])
    rows = []
    for seed in seeds:
        z, law = generator.latents(columns if way is None else 2, seed), generator.spec.nets.z_law
        if way is not None:
            z = interpolate(z[:1], z[1:], columns, law, way)[0]  # (columns, z_dim)
        drawn = generator.labels(columns, seed)
        for label in labels if labels is not None else [None]:
            given = drawn
            if drawn is not None and (label is not None or way is not None):
                given = torch.full((columns,), int(drawn[0]) if label is None else label)
            rows.append(generator.images_of(z, given))
    return np.stack(rows)


def frames_of_ways(rows: np.ndarray, columns: int = 8) -> list[np.ndarray]:
    """The frames of an animation along all ways at once and back: images (rows, steps, H, W, C) -> grids."""
    there = [grid(rows[:, step], min(columns, len(rows))) for step in range(rows.shape[1])]
    return there + there[-2:0:-1]


def frames_over_training(
    snapshots: Sequence[Path],
    device: str = "auto",
    seeds: Sequence[int] = (0,),
    labels: Sequence[int] | None = None,
    columns: int = 8,
) -> list[np.ndarray]:
    """One grid per snapshot, of the same latents in all: a row per seed and class, or 8 x 8 images of one seed.

    snapshots: in the order of the training, all of one run.
    """
    frames, first = [], None
    for snapshot in snapshots:
        generator = load_generator(snapshot, device)
        first = first or generator.spec
        if generator.spec.digest() != first.digest():
            raise ConfigError(f"{snapshot}: of another run than {snapshots[0]}; an animation shows one training")
        if len(seeds) == 1 and labels is None:
            images = generator.sample(columns * columns, seeds[0])
        else:
            images = rows_of(generator, seeds, labels, columns).reshape(-1, *_shape(generator))
        frames.append(grid(images, columns))
    return frames


def _shape(generator: Generator) -> tuple[int, int, int]:
    height, width, channels = generator.sample(1).shape[1:]
    return height, width, channels


def snapshots_of(path: Path) -> list[Path]:
    """A snapshot file alone, or the snapshots of a run's folder in the order of the training. Raises ConfigError."""
    if path.is_file() or not path.exists():
        return [path]
    folder = path / "snapshots" if (path / "snapshots").is_dir() else path
    if found := sorted(folder.glob("*.safetensors")):
        return found
    raise ConfigError(f"{path}: no snapshots (.safetensors) in this folder; give a run's folder, or a file")
