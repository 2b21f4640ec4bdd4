"""The commands that make images of trained generators. Each imports what it needs when it runs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from sngan_repro.cli import values
from sngan_repro.cli.options import DEVICE, Option, command, positive, seed

COLUMNS = 8
FRAMES = 24
"""Frames of an animation between two latents, by default."""


@command(
    "sample a snapshot into a grid, an array or an animation",
    *DEVICE,
    Option(
        "--snapshot",
        required=True,
        completes="files",
        help="a .safetensors file of a run's snapshots/; with --animate also the run",
    ),
    Option("--count", type=positive, help="images (default: 64)"),
    Option("--seed", type=seed, help="seed of the latents (default: 0)"),
    Option("--seeds", type=seed, nargs="+", metavar="SEED", help="a row of 8 images for each of these seeds"),
    Option("--labels", type=int, nargs="+", metavar="CLASS", help="a row of 8 images for each of these classes"),
    Option(
        "--interpolate",
        choices=("linear", "spherical"),
        help="rows from one latent to another, straight or along the sphere; for each seed and class",
    ),
    Option("--steps", type=positive, help=f"images of each such row (default: {COLUMNS}; of an animation: {FRAMES})"),
    Option("--animate", action="store_true", help="an animation: over the run's snapshots, or along --interpolate"),
    Option("--fps", type=positive, default=8, help="frames per second of an animation (default: 8)"),
    Option(
        "--out",
        required=True,
        completes="files",
        help=".png, .npy: uint8 (N, H, W, C); with --animate .gif, .webp or .mp4 (ffmpeg)",
    ),
)
def sample(given: Namespace) -> None:
    from sngan_repro.core.files import write_npy
    from sngan_repro.core.schema import ConfigError

    out, rows = Path(given.out), bool(given.seeds or given.labels or given.interpolate)
    _check_sample(given, out, rows)
    values.device_of(given)  # sets the number of threads
    from sngan_repro.api import pictures
    from sngan_repro.api.generators import load_generator
    from sngan_repro.nets.animation import save_animation
    from sngan_repro.nets.sampling import save_grid

    seeds = given.seeds or [given.seed or 0]
    snapshots = pictures.snapshots_of(Path(given.snapshot))
    if given.animate and not given.interpolate:
        if len(snapshots) < 2:
            raise ConfigError("--animate: needs the folder of a run with several snapshots, or --interpolate")
        frames = pictures.frames_over_training(snapshots, given.device, seeds, given.labels, COLUMNS)
        return save_animation(out, frames, given.fps)
    generator = load_generator(snapshots[-1], given.device)
    columns = given.steps or (FRAMES if given.animate else COLUMNS)
    if not rows:
        images = generator.sample(given.count or 64, seeds[0])
    else:
        made = pictures.rows_of(generator, seeds, given.labels, columns, given.interpolate)
        if given.animate:
            return save_animation(out, pictures.frames_of_ways(made), given.fps)
        images = made.reshape(-1, *made.shape[2:])
    if out.suffix == ".npy":
        write_npy(out, images)
    else:
        save_grid(out, images, columns=columns)


def _check_sample(given: Namespace, out: Path, rows: bool) -> None:
    """Raise ConfigError for options that do not go together, before anything is loaded."""
    from sngan_repro.core.schema import ConfigError

    if given.animate:
        from sngan_repro.nets.animation import check_animation

        check_animation(out)
    elif out.suffix not in (".png", ".npy"):
        more = "; an animation needs --animate" if out.suffix in (".gif", ".webp", ".mp4") else ""
        raise ConfigError(f"--out: '{out.suffix}' is not a known format; give a file that ends in .png or .npy{more}")
    if given.seeds and given.seed is not None:
        raise ConfigError("--seed has no effect with --seeds; remove it")
    if given.count is not None and (rows or given.animate):
        raise ConfigError("--count has no effect with --seeds, --labels, --interpolate or --animate; remove it")
    if given.steps is not None and not given.interpolate:
        raise ConfigError("--steps has no effect without --interpolate; remove it")
    if given.steps is not None and given.steps < 2:
        raise ConfigError("--steps: at least 2, for both ends")


@command(
    "write a grid of images interpolated between latents, or between classes",
    *DEVICE,
    Option("--snapshot", required=True, help="a .safetensors file of a run's snapshots/"),
    Option("--steps", type=positive, default=8, help="images in each row, both ends included (default: 8)"),
    Option("--rows", type=positive, default=4, help="rows of the grid (default: 4)"),
    Option("--seed", type=seed, default=0, help="seed of the latents (default: 0)"),
    Option("--classes", type=int, nargs="+", metavar="CLASS", help="classes of the rows (default: all in order)"),
    Option("--across", action="store_true", help="from class to class with one latent, instead of within a class"),
    Option("--out", required=True, help="a .png file to write"),
)
def interpolate(given: Namespace) -> None:
    from sngan_repro.core.schema import ConfigError

    if not given.out.endswith(".png"):
        raise ConfigError(f"--out: '{given.out}' is not a .png file")
    values.device_of(given)  # sets the number of threads
    from sngan_repro.api.generators import load_generator
    from sngan_repro.nets.sampling import save_grid

    generator = load_generator(given.snapshot, given.device)
    images = generator.interpolation(given.steps, given.rows, given.seed, given.classes, given.across)
    save_grid(Path(given.out), images, columns=given.steps)
