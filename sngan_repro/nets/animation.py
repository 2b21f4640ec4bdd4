"""Animations: frames as GIF or WebP by pillow, or as MP4 by ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sngan_repro.core.files import atomic_path
from sngan_repro.core.schema import ConfigError

FORMATS = (".gif", ".webp", ".mp4")


def check_animation(path: Path) -> None:
    """Raise ConfigError if no animation can be written to this file: its format is unknown, or ffmpeg is missing."""
    if path.suffix not in FORMATS:
        raise ConfigError(f"{path}: '{path.suffix}' is no animation; give a file that ends in {', '.join(FORMATS)}")
    if path.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise ConfigError(
            f"{path}: MP4 needs the program ffmpeg, and it is not found; give .gif or .webp, or install it"
        )


def save_animation(path: Path, frames: Sequence[np.ndarray], frames_per_second: float = 8) -> None:
    """Write frames, each uint8 (H, W, C) with C 1 or 3, as an animation that repeats, atomically.

    The format is that of the file's name. WebP is lossless; GIF has 256 colours per frame. MP4 has an even number of
    pixels per side, so a row or column of the edge may be repeated. Raises ConfigError (see :func:`check_animation`).
    """
    check_animation(path)
    if not frames or len({frame.shape for frame in frames}) != 1:
        raise ValueError("an animation needs frames of one size")
    rgb = [np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else frame for frame in frames]
    with atomic_path(path) as temporary:
        if path.suffix == ".mp4":
            _write_mp4(temporary, rgb, frames_per_second)
            return
        from PIL import Image

        first, *others = (Image.fromarray(frame) for frame in rgb)
        kind = path.suffix[1:].upper()
        exact = {"lossless": True, "method": 4} if kind == "WEBP" else {}
        duration = round(1000 / frames_per_second)  # milliseconds
        first.save(temporary, kind, save_all=True, append_images=others, duration=duration, loop=0, **exact)


def _write_mp4(path: Path, frames: list[np.ndarray], frames_per_second: float) -> None:
    height, width = (size + size % 2 for size in frames[0].shape[:2])  # yuv420p needs even numbers
    edges = ((0, height - frames[0].shape[0]), (0, width - frames[0].shape[1]), (0, 0))
    data = b"".join(np.ascontiguousarray(np.pad(frame, edges, mode="edge")).tobytes() for frame in frames)
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", f"{frames_per_second:g}", "-i", "-"]
    command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-f", "mp4", str(path)]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        raise ConfigError(f"ffmpeg: {done.stderr.decode(errors='replace').strip()[-500:]}")
