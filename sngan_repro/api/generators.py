"""Trained generators: loaded from a snapshot, and sampled as in the workflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from sngan_repro.config.specs import RunSpec
from sngan_repro.core import runtime
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets import sampling as sample
from sngan_repro.nets import snapshot as snapshots
from sngan_repro.nets.latents import LabelLaw, class_labels, interpolate, latents, mixed_labels


@dataclass(frozen=True)
class Generator:
    """A generator of a run, in evaluation mode on its device."""

    network: nn.Module
    """(N, z_dim) -> (N, C, H, W), float32 in (-1, 1)"""
    spec: RunSpec
    """The whole specification of the run that trained it: method, data, setting, seed, ..."""
    device: torch.device
    label_law: LabelLaw | None = None
    """The law of the class labels of a class-conditional generator; None for an unconditional one."""

    def sample(self, count: int = 64, seed: int = 0, batch_norm: Literal["running", "batch"] = "running") -> np.ndarray:
        """Images 0 to ``count`` - 1 of a seed: uint8 (count, H, W, C), C 1 (grey) or 3 (RGB).

        Image i depends on weights, seed and i only. These are the images that the workflow scores under a protocol of
        this seed and batch-norm mode. Raises ConfigError if a pixel is not finite.
        """
        if count < 1 or not 0 <= seed < 2**32:
            raise ConfigError(f"`count` must be at least 1 and `seed` in [0, 2^32); found {count} and {seed}")
        try:
            options = sample.SampleOptions(batch_norm=batch_norm, label_law=self.label_law)
            return sample.generate(self.network, self.spec.nets, count, seed, self.device, options)
        except sample.NonFiniteImages as error:
            raise ConfigError(f"{self.spec.name}: {error}") from None

    def latents(self, count: int = 64, seed: int = 0) -> Tensor:
        """The latents of :meth:`sample`, float32 (count, z_dim), on the CPU."""
        return latents(count, self.spec.nets.z_dim, self.spec.nets.z_law, seed, 0)

    def labels(self, count: int = 64, seed: int = 0) -> Tensor | None:
        """The class labels of :meth:`sample`, int64 (count,), on the CPU; None for an unconditional generator."""
        return None if self.label_law is None else class_labels(count, self.label_law, seed)

    @torch.no_grad()
    def images_of(self, z: Tensor, labels: Tensor | None = None) -> np.ndarray:
        """Images of given latents, float32 (N, z_dim), for example of an interpolation: uint8 (N, H, W, C).

        labels: class labels, int64 (N,), or weights of the classes, float32 (N, num_classes); required by a
        class-conditional generator, and not allowed for others.
        """
        if (labels is None) != (self.label_law is None):
            needed = "needs `labels`" if labels is None else "takes no `labels`: it is unconditional"
            raise ConfigError(f"{self.spec.name}: this generator {needed}")
        if z.ndim != 2 or z.shape[1] != self.spec.nets.z_dim:
            raise ConfigError(f"latents (N, {self.spec.nets.z_dim}) are needed; found {tuple(z.shape)}")
        images = self.network(z.to(self.device), None if labels is None else labels.to(self.device))
        return sample.to_uint8(images).cpu().numpy()

    def interpolation(
        self, steps: int = 8, rows: int = 4, seed: int = 0, classes: Sequence[int] | None = None, across: bool = False
    ) -> np.ndarray:
        """Interpolated images, uint8 (rows * steps, H, W, C), row after row: for :func:`grid` with ``steps`` columns.

        ``across`` False: row i goes from latent number 2 i of the seed to number 2 i + 1, within one class if there are
        classes. ``across`` True: each row keeps its latent and goes from its class to the next one; gains and shifts
        of G's conditional batch norms are mixed linearly (Miyato and Koyama 2018). classes: of the rows, in turn;
        default: all in order. Raises ConfigError for classes of an unconditional generator, and for unknown classes.
        """
        if steps < 2 or rows < 1:
            raise ConfigError(f"`steps` must be at least 2 and `rows` at least 1; found {steps} and {rows}")
        nets, num_classes = self.spec.nets, len(self.label_law.shares) if self.label_law else 0
        if not num_classes and (classes is not None or across):
            raise ConfigError(
                f"{self.spec.name}: this generator is unconditional: `classes` and `across` have no effect"
            )
        chosen = list(range(num_classes)) if classes is None else list(classes)
        if num_classes and (not chosen or any(not 0 <= one < num_classes for one in chosen)):
            raise ConfigError(f"{self.spec.name}: `classes` are from 0 to {num_classes - 1}; found {chosen}")
        z = latents(2 * rows, nets.z_dim, nets.z_law, seed).view(rows, 2, -1)  # (rows, 2, z_dim)
        ends = (z[:, 0], z[:, 0 if across else 1])
        between = interpolate(*ends, steps, nets.z_law)  # (rows, steps, z_dim)
        labels = None
        if num_classes:
            first = torch.tensor([chosen[row % len(chosen)] for row in range(rows)])
            last = torch.tensor([chosen[(row + across) % len(chosen)] for row in range(rows)])
            labels = mixed_labels(first, last, steps, num_classes).flatten(0, 1)  # (rows * steps, num_classes)
        return self.images_of(between.flatten(0, 1), labels)


def load_generator(snapshot: Path | str, device: str = "auto") -> Generator:
    """The generator of a snapshot file, ``snapshots/<updates>.safetensors`` of a run.

    device: auto | cpu | cuda | cuda:N. A snapshot is plain numbers: a file from elsewhere runs no code. Raises
    ConfigError if the file is missing, is no snapshot, or does not fit its own specification.
    """
    chosen = runtime.setup(device)
    network, spec, label_law = snapshots.load_generator(Path(snapshot), chosen)
    return Generator(network, spec, chosen, label_law)


def grid(images: np.ndarray, columns: int = 8) -> np.ndarray:
    """Images uint8 (N, H, W, C) side by side, row by row: uint8 (height, width, C), to be shown or saved."""
    return sample.grid(images, columns)
