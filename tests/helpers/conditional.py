"""A small class-conditional network family, for tests of the way of the labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sngan_repro.nets.families import FAMILIES, Family
from sngan_repro.nets.interface import DOutput, ImageSpec


class ConditionalGenerator(nn.Module):
    """A dense layer, and an image per class added to its output."""

    def __init__(self, z_dim: int, image: ImageSpec) -> None:
        super().__init__()
        assert image.num_classes is not None
        self.shape = image.shape
        self.dense = nn.Linear(z_dim, image.channels * image.size**2)
        self.images = nn.Embedding(image.num_classes, image.channels * image.size**2)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.tanh(self.dense(z) + self.images(labels)).view(-1, *self.shape)  # (N, C, H, W)


class ProjectionDiscriminator(nn.Module):
    """A dense layer and a projection on the embedding of the label; it remembers the labels that it got."""

    def __init__(self, image: ImageSpec) -> None:
        super().__init__()
        assert image.num_classes is not None
        self.dense = nn.Linear(image.channels * image.size**2, 1)
        self.classes = nn.Embedding(image.num_classes, image.channels * image.size**2)
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DOutput:
        x = images.flatten(1)  # (N, C * H * W)
        assert labels is not None
        self.seen.append(labels)
        return DOutput(self.dense(x).squeeze(1) + (self.classes(labels) * x).mean(1))


@contextmanager
def conditional_family() -> Iterator[None]:
    """In the block there is a network family ``conditional``."""
    with FAMILIES.restored():

        @FAMILIES.register("conditional")
        class Conditional(Family):
            name = "conditional"
            summary = "dense layers and embeddings"
            conditional = True

            @classmethod
            def generator(cls, nets, image):
                return ConditionalGenerator(nets.z_dim, image)

            @classmethod
            def discriminator(cls, nets, image, norm=None, norm_first=False, num_outputs=1):
                return ProjectionDiscriminator(image)

        yield
