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
    Option(
        "--across",
        action="store_true",
        help="rows from each of the --labels (default: all classes) to the next with one latent; for each seed",
    ),
    Option("--steps", type=positive, help=f"images of each such row (default: {COLUMNS}; of an animation: {FRAMES})"),
    Option(
        "--animate",
        action="store_true",
        help="an animation: over the run's snapshots, or along --interpolate or --across",
    ),
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

    out, ways = Path(given.out), bool(given.interpolate or given.across)
    rows = ways or bool(given.seeds or given.labels)
    _check_sample(given, out, rows, ways)
    values.device_of(given)  # sets the number of threads
    from sngan_repro.api import pictures
    from sngan_repro.api.generators import load_generator
    from sngan_repro.nets.animation import save_animation
    from sngan_repro.nets.sampling import save_grid

    seeds = given.seeds or [given.seed or 0]
    snapshots = pictures.snapshots_of(Path(given.snapshot))
    if given.animate and not ways:
        if len(snapshots) < 2:
            raise ConfigError(
                "--animate: needs the folder of a run with several snapshots, or --interpolate or --across"
            )
        frames = pictures.frames_over_training(snapshots, given.device, seeds, given.labels, COLUMNS)
        return save_animation(out, frames, given.fps)
    generator = load_generator(snapshots[-1], given.device)
    columns = given.steps or (FRAMES if given.animate else COLUMNS)
    if not rows:
        images = generator.sample(given.count or 64, seeds[0])
    else:
        made = pictures.rows_of(generator, seeds, given.labels, columns, given.interpolate, given.across)
        if given.animate:
            return save_animation(out, pictures.frames_of_ways(made), given.fps)
        images = made.reshape(-1, *made.shape[2:])
    if out.suffix == ".npy":
        write_npy(out, images)
    else:
        save_grid(out, images, columns=columns)


def _check_sample(given: Namespace, out: Path, rows: bool, ways: bool) -> None:
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
        raise ConfigError(
            "--count has no effect with --seeds, --labels, --interpolate, --across or --animate; remove it"
        )
    if given.across and given.interpolate:
        raise ConfigError("--across goes from class to class and --interpolate from latent to latent; give one of them")
    if given.steps is not None and not ways:
        raise ConfigError("--steps has no effect without --interpolate or --across; remove it")
    if given.steps is not None and given.steps < 2:
        raise ConfigError("--steps: at least 2, for both ends")
