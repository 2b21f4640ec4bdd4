"""The standard CNN of the SNGAN paper (Miyato et al. 2018, Table 3), for any image size that is a multiple of 4.

At 32 and 48 pixels and width 64 these are the networks of the paper. At other sizes the number of stride-2 stages
changes so that the innermost maps stay at least 4 pixels wide; channels double per stage, up to 8 times the width.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from sngan_repro.nets.interface import DOutput, ImageSpec
from sngan_repro.nets.precision import full_precision

LEAKY_SLOPE = 0.1  # Table 3


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
    """z -> dense -> [deconvolution 4x4 stride 2, batch norm, ReLU] per stage -> convolution 3x3 -> tanh."""

    def __init__(self, z_dim: int, image: ImageSpec, width: int) -> None:
        """width: channels of the layer nearest to the image."""
        super().__init__()
        size, channels = pyramid(image.size, width)
        self.dense = nn.Linear(z_dim, channels[-1] * size * size)
        self.unflatten = nn.Unflatten(1, (channels[-1], size, size))
        stages: list[nn.Module] = []
        for inner, outer in zip(channels[:0:-1], channels[-2::-1], strict=True):
            stages += [nn.ConvTranspose2d(inner, outer, 4, 2, 1), nn.BatchNorm2d(outer), nn.ReLU()]
        self.stages = nn.Sequential(*stages)
        self.to_image = nn.Conv2d(width, image.channels, 3, 1, 1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in (-1, 1) of latents (N, z_dim). labels: not used; the network is unconditional."""
        x = self.unflatten(self.dense(z))  # (N, z_dim) -> (N, C_inner, s, s)
        x = self.stages(x)  # (N, width, H, W)
        return full_precision(self.to_image(x)).tanh()  # (N, C, H, W), float32 in (-1, 1)


class ConvDiscriminator(nn.Module):
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
    ) -> None:
        super().__init__()
        size, channels = pyramid(image.size, width)
        layers: list[nn.Module] = []
        previous = image.channels
        for index, current in enumerate(channels):
            layers += self._block(nn.Conv2d(previous, current, 3, 1, 1), norm if index or norm_first else None)
            if index < len(channels) - 1:
                layers += self._block(nn.Conv2d(current, current, 4, 2, 1), norm)
            previous = current
        self.features = nn.Sequential(*layers)
        self.dense = nn.Linear(previous * size * size, num_outputs)

    @staticmethod
    def _block(conv: nn.Conv2d, norm: Callable[[int], nn.Module] | None) -> list[nn.Module]:
        normaliser = [norm(conv.out_channels)] if norm else []
        return [conv, *normaliser, nn.LeakyReLU(LEAKY_SLOPE)]

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DOutput:
        """Logits (N,), or (N, num_outputs), of images (N, C, H, W), float32 also under autocast; labels: not used."""
        x = self.features(images)  # (N, C, H, W) -> (N, C_inner, s, s)
        logits = full_precision(self.dense(x.flatten(1)).squeeze(1))  # (N,) or (N, num_outputs)
        return DOutput(logits, (x,))
