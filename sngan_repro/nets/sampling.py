"""Samples of a trained generator: images, quantisation to 8 bits, grids.

A sample is fixed by (weights, seed, its index, batch-norm mode): how many others are drawn with it does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from sngan_repro.config.specs import NetsSpec
from sngan_repro.core import runtime
from sngan_repro.core.files import atomic_path
from sngan_repro.nets.latents import LabelLaw, class_labels, kept_latents

BATCH_NORM_CHUNK = 64
"""Images that share batch statistics in ``batch_norm="batch"``. Samples in that mode depend on it."""

GREY = 128  # the background of a grid
GRID_IMAGES = 64
MAX_CLASS_ROWS = 10
"""Rows of the grid of a class-conditional generator, at most."""


class NonFiniteImages(ValueError):
    """The generator made pixels that are NaN or infinite."""


def to_uint8(images: Tensor) -> Tensor:
    """The one quantisation of the package: (N, C, H, W) in [-1, 1] -> (N, H, W, C) uint8, round((x + 1) * 127.5).

    Values outside are clipped and NaN becomes mid-grey, so that a picture of a broken generator can be looked at;
    :func:`generate`, whose images are scored, refuses non-finite pixels instead.
    """
    scaled = (images.detach().float() + 1) * 127.5
    levels = scaled.nan_to_num(nan=GREY, posinf=255, neginf=0).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def from_uint8(images: Tensor) -> Tensor:
    """The inverse of :func:`to_uint8`: (N, H, W, C) uint8 -> (N, C, H, W) float32 in [-1, 1], x / 127.5 - 1."""
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


@dataclass(frozen=True)
class SampleOptions:
    """How images are sampled."""

    batch_size: int = 128
    batch_norm: Literal["running", "batch"] = "running"
    """running: G in evaluation mode. batch: batch norm uses the statistics of its own batch, over fixed chunks of
    BATCH_NORM_CHUNK = 64 consecutive images (64 k to 64 k + 63), whatever ``batch_size``."""
    start: int = 0
    """Number of the first image."""
    refuse_non_finite: bool = True
    """Raise NonFiniteImages when a pixel is NaN or infinite; otherwise NaN becomes grey."""
    quantise: Callable[[Tensor], Tensor] = to_uint8
    """(N, C, H, W) -> uint8 (N, H, W, C)"""
    label_law: LabelLaw | None = None
    """The law of the labels of a class-conditional G; None for an unconditional one."""


DEFAULT = SampleOptions()


def generate(
    G: nn.Module,
    nets: NetsSpec,
    count: int,
    seed: int,
    device: torch.device | str = "cpu",
    options: SampleOptions = DEFAULT,
) -> np.ndarray:
    """The images of :func:`generate_on_device` as an array: uint8 (count, H, W, C)."""
    return generate_on_device(G, nets, count, seed, device, options).cpu().numpy()


@torch.no_grad()
def generate_on_device(
    G: nn.Module,
    nets: NetsSpec,
    count: int,
    seed: int,
    device: torch.device | str = "cpu",
    options: SampleOptions = DEFAULT,
) -> Tensor:
    """Images number ``start`` to ``start + count - 1`` of a seed: uint8 (count, H, W, C), on ``device``.

    G's running statistics and modes are left as they were. Whole chunks are generated and cut (of BATCH_NORM_CHUNK = 64
    images with batch statistics), so image i is the same bit for bit whatever ``count`` and ``start``. Raises
    NonFiniteImages; see :class:`SampleOptions`.
    """
    start, law = options.start, options.label_law
    chunk = BATCH_NORM_CHUNK if options.batch_norm == "batch" else options.batch_size
    parts, finite = [], []
    firsts = range(start // chunk * chunk, start + count, chunk)
    with _sampling_mode(G, options.batch_norm), runtime.repeatable():
        for first in firsts:
            z = kept_latents(chunk, nets.z_dim, nets.z_law, seed, first).to(device)  # (chunk, z_dim)
            labels = None if law is None else class_labels(chunk, law, seed, first).to(device)  # (chunk,)
            images = G(z, labels)  # (chunk, C, H, W)
            kept = images[max(0, start - first) : start + count - first]
            finite.append(kept.isfinite().all())
            parts.append(options.quantise(kept))
    if options.refuse_non_finite:
        for first, fine in zip(firsts, torch.stack(finite).tolist(), strict=True):  # one synchronisation with a GPU
            if not fine:
                raise NonFiniteImages(f"the generator made non-finite pixels in images {first} to {first + chunk - 1}")
    return torch.cat(parts)


@torch.no_grad()
def generate_grid(
    G: nn.Module, nets: NetsSpec, seed: int, device: torch.device | str, law: LabelLaw | None, columns: int = 8
) -> Tensor:
    """Images for a grid of ``columns`` columns: uint8 (N, H, W, C), on ``device``; NaN becomes grey.

    Unconditional: images 0 to 63 of the seed. Conditional: a row per class, for the first ten classes at most; the
    images of a column share their latent vector.
    """
    if law is None:
        return generate_on_device(G, nets, GRID_IMAGES, seed, device, SampleOptions(refuse_non_finite=False))
    num_rows = min(len(law.shares), MAX_CLASS_ROWS)
    z = kept_latents(columns, nets.z_dim, nets.z_law, seed, 0).repeat(num_rows, 1).to(device)  # (N, z_dim)
    labels = torch.arange(num_rows, device=device).repeat_interleave(columns)  # (N,)
    with _sampling_mode(G, "running"), runtime.repeatable():
        return to_uint8(G(z, labels))


@contextmanager
def _sampling_mode(G: nn.Module, batch_norm: str) -> Iterator[None]:
    """Evaluation mode, but batch norm by its own batch for "batch"; afterwards modes and buffers as before."""
    modes = {module: module.training for module in G.modules()}
    buffers = {name: buffer.clone() for name, buffer in G.named_buffers()}
    try:
        G.eval()
        if batch_norm == "batch":
            for module in modes:
                module.training = isinstance(module, nn.modules.batchnorm._BatchNorm)
        yield
    finally:
        for module, training in modes.items():
            module.training = training
        with torch.no_grad():
            for name, buffer in G.named_buffers():
                buffer.copy_(buffers[name])


def grid(images: np.ndarray | Tensor, columns: int, pad: int = 2, min_tile: int = 48) -> np.ndarray:
    """Images side by side, row by row: uint8 (N, H, W, C) -> uint8 (height, width, C).

    Images smaller than ``min_tile`` pixels are enlarged by the least whole factor (nearest neighbour) that reaches it;
    tiles are set apart by ``pad`` pixels of mid-grey, which also fills an incomplete last row.
    """
    tiles = np.asarray(images.cpu() if isinstance(images, Tensor) else images)
    if tiles.ndim != 4 or tiles.dtype != np.uint8 or len(tiles) == 0:
        raise ValueError(f"a grid needs uint8 images (N, H, W, C), found {tiles.dtype} {tiles.shape}")
    factor = max(1, -(-min_tile // min(tiles.shape[1:3])))
    tiles = tiles.repeat(factor, axis=1).repeat(factor, axis=2)
    num, height, width, channels = tiles.shape
    rows = -(-num // columns)
    canvas = np.full((rows * (height + pad) + pad, columns * (width + pad) + pad, channels), GREY, dtype=np.uint8)
    for index, tile in enumerate(tiles):
        top, left = pad + index // columns * (height + pad), pad + index % columns * (width + pad)
        canvas[top : top + height, left : left + width] = tile
    return canvas


def save_grid(path: Path, images: np.ndarray | Tensor, columns: int, **options: Any) -> tuple[int, int]:
    """Write :func:`grid` of the images as a PNG file, atomically; returns (height, width). options: pad, min_tile."""
    from PIL import Image

    canvas = grid(images, columns, **options)
    with atomic_path(path) as temporary:
        Image.fromarray(canvas[..., 0] if canvas.shape[2] == 1 else canvas).save(temporary, format="PNG")
    return canvas.shape[0], canvas.shape[1]
