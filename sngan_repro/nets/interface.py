"""The values that networks and methods exchange. No torch here.

G(z, labels) -> images (N, C, H, W), float32 in [-1, 1]. D(images, labels) -> :class:`DOutput`. Labels are class
indices, int64 (N,), or None in an unconditional run. An autoencoding D returns (reconstruction, code) instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class ImageSpec(NamedTuple):
    """The images of a run."""

    channels: int
    """1 (grey) or 3 (RGB)"""
    size: int
    """Height and width in pixels."""
    num_classes: int | None = None
    """The number of classes that G and D are conditioned on; None in an unconditional run."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)"""
        return self.channels, self.size, self.size


class Batch(NamedTuple):
    """Real or generated images."""

    images: Tensor
    """(N, C, H, W), float32 in [-1, 1]"""
    labels: Tensor | None = None
    """Class indices, int64 (N,); None in an unconditional run."""


class DOutput(NamedTuple):
    """The output of a discriminator."""

    logits: Tensor
    """(N,), float32; or (N, K) of a discriminator with K outputs. Unbounded."""
    features: tuple[Tensor, ...] = ()
    """Activations of inner layers, from the image inwards, if the network returns some."""
    class_logits: Tensor | None = None
    """(N, num_classes), float32: the second output of AC-GAN's discriminator; or (N, num_classes + 1), the last one for
    generated images (``condition_d: k_plus_1``); None in the others."""
