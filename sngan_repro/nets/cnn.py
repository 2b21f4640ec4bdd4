"""The standard CNN of the SNGAN paper (Miyato et al. 2018, Table 3), for any image size that is a multiple of 4.

At 32 and 48 pixels and width 64 these are the networks of the paper. At other sizes the number of stride-2 stages
changes so that the innermost maps stay at least 4 pixels wide; channels double per stage, up to 8 times the width.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from sngan_repro.nets.conditional import LabelledDiscriminator, apply, generator_norm, sum_pool
from sngan_repro.nets.interface import DOutput, ImageSpec
from sngan_repro.nets.precision import full_precision

LEAKY_SLOPE = 0.1  # Table 3
LABELS_BEFORE = 4
"""Hidden concatenation of the label is before the convolution of this index: after the second one with stride 2, where
the maps of 32-pixel images have 8 pixels."""


def pyramid(image_size: int, width: int) -> tuple[int, list[int]]:
    """(size of the innermost maps, channels of the maps from the image inwards).

    Example: ``pyramid(32, 64) == (4, [64, 128, 256, 512])``; there is one stride-2 stage less than channel counts.
    """
    size, channels = image_size, [width]
    while size % 2 == 0 and size // 2 >= 4:
        size //= 2
        channels.append(min(channels[-1] * 2, width * 8))
    return size, channels


class ConvGenerator(nn.Module):
    """z -> dense -> [deconvolution 4x4 stride 2, batch norm, ReLU] per stage -> convolution 3x3 -> tanh.

    With classes, every batch norm of a stage is conditional: the stages are what the blocks of a residual G are.
    """

    def __init__(self, z_dim: int, image: ImageSpec, width: int, dense_norm: bool = False) -> None:
        """width: channels of the layer nearest to the image. dense_norm: batch norm and ReLU after the dense layer."""
        super().__init__()
        size, channels = pyramid(image.size, width)
        num_features = channels[-1] * size * size
        self.dense: nn.Module = nn.Linear(z_dim, num_features)
        if dense_norm:
            self.dense = nn.Sequential(self.dense, nn.BatchNorm1d(num_features), nn.ReLU())
        self.unflatten = nn.Unflatten(1, (channels[-1], size, size))
        stages: list[nn.Module] = []
        for inner, outer in zip(channels[:0:-1], channels[-2::-1], strict=True):
            stages += [nn.ConvTranspose2d(inner, outer, 4, 2, 1), generator_norm(outer, image.num_classes), nn.ReLU()]
        self.stages = nn.Sequential(*stages)
        self.to_image = nn.Conv2d(width, image.channels, 3, 1, 1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in (-1, 1) of latents (N, z_dim). labels: see ConditionalBatchNorm2d."""
        x = self.unflatten(self.dense(z))  # (N, z_dim) -> (N, C_inner, s, s)
        for layer in self.stages:
            x = apply(layer, x, labels)  # at the end (N, width, H, W)
        return full_precision(self.to_image(x)).tanh()  # (N, C, H, W), float32 in (-1, 1)


class ConvDiscriminator(LabelledDiscriminator):
    """[convolution 3x3, convolution 4x4 stride 2] per stage, convolution 3x3, dense to one output.

    norm: makes an activation normaliser for a number of channels, put after every convolution but the first (Radford
    et al. 2016), or None. norm_first: after the first one too. num_outputs: more than one only to reproduce a fault.
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
        embedding_dim: int = 128,
        widen_at: str = "conv",
        slope: float = LEAKY_SLOPE,
        last_width: float = 1.0,
        pool: str = "flatten",
    ) -> None:
        """condition, embedding_dim: see the base class. The others: see the options of the family."""
        super().__init__(image, condition, embedding_dim)
        size, channels = pyramid(image.size, width)
        self.pool = pool
        layers: list[nn.Module] = []
        previous = self.input_channels
        for index, (current, stride) in enumerate(_convolutions(channels, widen_at, last_width)):
            if index == LABELS_BEFORE:
                self.num_before_labels = len(layers)
                previous += self.hidden_channels
            conv = nn.Conv2d(previous, current, 4, 2, 1) if stride == 2 else nn.Conv2d(previous, current, 3, 1, 1)
            normaliser = [norm(current)] if norm and (index or norm_first) else []
            layers += [conv, *normaliser, nn.LeakyReLU(slope)]
            previous = current
        self.features = nn.Sequential(*layers)
        self.add_outputs(previous * size * size if pool == "flatten" else previous, num_outputs)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DOutput:
        """Logits (N,), or (N, num_outputs), of images (N, C, H, W), float32 also under autocast.

        labels: int64 (N,), used by a class-conditional D only.
        """
        x = self.at_input(images, labels)  # (N, input_channels, H, W)
        for index, layer in enumerate(self.features):
            if index == self.num_before_labels:
                x = self.at_hidden(x, labels)
            x = layer(x)  # at the end (N, C_inner, s, s)
        return self.outputs(x.flatten(1) if self.pool == "flatten" else sum_pool(x), x, labels)


def _convolutions(channels: list[int], widen_at: str, last_width: float) -> list[tuple[int, int]]:
    """(output channels, stride) of D's convolutions from the image inwards; channels: of :func:`pyramid`."""
    found = []
    for index, current in enumerate(channels):
        found.append((current, 1))
        if index + 1 < len(channels):
            found.append((channels[index + 1] if widen_at == "stride" else current, 2))
    # The input of the last convolution is the output of the one before.
    return [*found[:-2], *((max(1, round(width * last_width)), stride) for width, stride in found[-2:])]
