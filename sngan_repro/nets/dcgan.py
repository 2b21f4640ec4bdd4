"""The networks of DCGAN (Radford et al. 2016, Figure 1), for any image size that is a power of two from 32.

All layers are convolutions 4x4 without biases. Channels double from the image inwards, down to maps of 4 pixels. At 64
pixels and width 64 these are the networks of the paper and of its code; at 128 pixels there is one stage more.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sngan_repro.nets.conditional import LabelledDiscriminator, apply, generator_norm
from sngan_repro.nets.interface import DOutput, ImageSpec
from sngan_repro.nets.precision import full_precision

INNERMOST = 4
"""Height and width of the innermost maps."""
LABELS_BEFORE = 2
"""Hidden concatenation of the label is before the convolution of this index, at a quarter of the image size."""


def channels_of(image_size: int, width: int) -> list[int]:
    """Channels of the maps from the image inwards: ``channels_of(64, 64) == [64, 128, 256, 512]``.

    The outermost have half the image size, the innermost 4 pixels. image_size: a power of two from 8.
    """
    stages = int(math.log2(image_size // INNERMOST))
    if INNERMOST << stages != image_size:
        raise ValueError(f"the image size must be a power of two from {2 * INNERMOST}; found {image_size}")
    return [width << stage for stage in range(stages)]


class DCGANGenerator(nn.Module):
    """z -> [transposed convolution, batch norm, ReLU] per stage -> transposed convolution -> tanh or sigmoid.

    The first convolution makes maps of 4 x 4 pixels of the latent vector; each later one doubles their size.
    """

    def __init__(self, z_dim: int, image: ImageSpec, width: int, output: str = "tanh", embedding_dim: int = 0) -> None:
        """width: channels of the outermost maps. output: tanh or sigmoid. embedding_dim: length of the embedding of the
        class that is joined to the latent vector; 0: a class enters by conditional batch norm instead."""
        super().__init__()
        self.output = output
        by_norm = None if embedding_dim else image.num_classes
        self.embedding = nn.Embedding(image.num_classes or 0, embedding_dim) if embedding_dim else None
        layers: list[nn.Module] = []
        previous, geometry = z_dim + embedding_dim, (INNERMOST, 1, 0)
        for channels in reversed(channels_of(image.size, width)):
            layers += [nn.ConvTranspose2d(previous, channels, *geometry, bias=False)]
            layers += [generator_norm(channels, by_norm), nn.ReLU()]
            previous, geometry = channels, (4, 2, 1)
        self.stages = nn.Sequential(*layers)
        self.to_image = nn.ConvTranspose2d(previous, image.channels, 4, 2, 1, bias=False)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in (-1, 1) of latents (N, z_dim).

        labels: int64 (N,), or weights of the classes (N, num_classes); used by a class-conditional G only.
        """
        if self.embedding is not None:
            assert labels is not None
            z = torch.cat([z, self._embedded(labels)], dim=1)  # (N, z_dim + embedding_dim)
        x = z[:, :, None, None]  # (N, z_dim, 1, 1)
        for layer in self.stages:
            x = apply(layer, x, labels)  # at the end (N, width, H / 2, W / 2)
        x = full_precision(self.to_image(x))  # (N, C, H, W)
        return x.tanh() if self.output == "tanh" else 2 * x.sigmoid() - 1  # float32 in (-1, 1)

    def _embedded(self, labels: Tensor) -> Tensor:
        """(N,) or (N, num_classes) -> (N, embedding_dim)"""
        assert self.embedding is not None
        if labels.is_floating_point():
            return labels.to(self.embedding.weight.dtype) @ self.embedding.weight
        return self.embedding(labels)


class DCGANDiscriminator(LabelledDiscriminator):
    """[convolution with stride 2, normaliser, leaky ReLU] per stage, and a convolution 4x4 of the maps of 4 x 4 pixels.

    The last convolution covers its whole input, so it is written as a dense layer of the flattened maps. norm: makes an
    activation normaliser for a number of channels, put after every layer but the first and the last, or None.
    """

    def __init__(
        self,
        image: ImageSpec,
        width: int,
        norm: Callable[[int], nn.Module] | None = None,
        norm_first: bool = False,
        num_outputs: int = 1,
        *,
        condition: str | None = None,
        label_dim: int = 128,
        slope: float = 0.2,
        unit_range: bool = False,
    ) -> None:
        """condition: see the base class. label_dim: length of the embedding beside a map. slope: of the leaky ReLU.
        unit_range: the first layer gets pixels in [0, 1]; images are given in [-1, 1] all the same."""
        super().__init__(image, condition, label_dim)
        self.unit_range = unit_range
        layers: list[nn.Module] = []
        previous = self.input_channels
        self.num_before_labels = 0
        for index, channels in enumerate(channels_of(image.size, width)):
            if index == LABELS_BEFORE:
                self.num_before_labels = len(layers)
                previous += self.hidden_channels
            normaliser = [norm(channels)] if norm and (index or norm_first) else []
            layers += [nn.Conv2d(previous, channels, 4, 2, 1, bias=False), *normaliser, nn.LeakyReLU(slope)]
            previous = channels
        self.features = nn.Sequential(*layers)
        self.add_outputs(previous * INNERMOST**2, num_outputs, bias=False)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DOutput:
        """Logits (N,), or (N, num_outputs), of images (N, C, H, W) in [-1, 1]; float32 also under autocast.

        The features are the innermost maps, (N, C_inner, 4, 4). labels: int64 (N,), used by a class-conditional D only.
        """
        scaled = (images + 1) / 2 if self.unit_range else images
        x = self.at_input(scaled, labels)  # (N, input_channels, H, W)
        for index, layer in enumerate(self.features):
            if index == self.num_before_labels:
                x = self.at_hidden(x, labels)
            x = layer(x)  # at the end (N, C_inner, 4, 4)
        return self.outputs(x.flatten(1), x, labels)


def scatter_gains(net: nn.Module) -> nn.Module:
    """Draw the trained gains of batch norm from N(1, 0.02), as the code of the paper does; returns ``net``."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.weight is not None and module.weight.requires_grad:
            nn.init.normal_(module.weight, 1.0, 0.02)
    return net
