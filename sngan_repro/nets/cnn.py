"""The standard CNN of the SNGAN paper (Miyato et al. 2018, Table 3), for any image size that is a multiple of 4.

At 32 and 48 pixels and width 64 these are the networks of the paper. At other sizes the number of stride-2 stages
changes so that the innermost maps stay at least 4 pixels wide; channels double per stage, up to 8 times the width.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from sngan_repro.nets.convolution import Conv2d, LeakyReLU

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
    """z -> dense -> [deconvolution 4x4 stride 2, batch norm, ReLU] per stage -> convolution 3x3 -> tanh.

    image_shape: (channels, height, width), height = width.
    """

    def __init__(self, z_dim: int, image_shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        image_channels, image_size, _ = image_shape
        size, channels = pyramid(image_size, width)
        self.dense = nn.Linear(z_dim, channels[-1] * size * size)
        self.unflatten = nn.Unflatten(1, (channels[-1], size, size))
        stages: list[nn.Module] = []
        for inner, outer in zip(channels[:0:-1], channels[-2::-1], strict=True):
            stages += [nn.ConvTranspose2d(inner, outer, 4, 2, 1), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]
        self.stages = nn.Sequential(*stages)
        self.to_image = nn.Conv2d(width, image_channels, 3, 1, 1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.unflatten(self.dense(z))  # (N, z_dim) -> (N, C_inner, s, s)
        x = self.stages(x)  # (N, width, H, W)
        return self.to_image(x).float().tanh()  # (N, C, H, W), float32 in (-1, 1)


class ConvDiscriminator(nn.Module):
    """[convolution 3x3, convolution 4x4 stride 2] per stage, convolution 3x3, dense to one output.

    conv, linear: layer classes (spectrally normalised ones for SNGAN). norm: makes a normaliser for a number of
    channels, put after every convolution but the first (Radford et al. 2016), or None; norm_first: after the first
    one too. num_outputs: more than one only to reproduce a fault.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        width: int,
        conv: type[nn.Conv2d] = Conv2d,
        linear: type[nn.Linear] = nn.Linear,
        norm: Callable[[int], nn.Module] | None = None,
        norm_first: bool = False,
        num_outputs: int = 1,
    ) -> None:
        super().__init__()
        image_channels, image_size, _ = image_shape
        size, channels = pyramid(image_size, width)
        layers: list[nn.Module] = []
        previous = image_channels
        for index, current in enumerate(channels):
            layers += self._block(conv(previous, current, 3, 1, 1), norm if index or norm_first else None)
            if index < len(channels) - 1:
                layers += self._block(conv(current, current, 4, 2, 1), norm)
            previous = current
        self.features = nn.Sequential(*layers)
        self.dense = linear(previous * size * size, num_outputs)

    @staticmethod
    def _block(conv: nn.Conv2d, norm: Callable[[int], nn.Module] | None) -> list[nn.Module]:
        normaliser = [norm(conv.out_channels)] if norm else []
        return [conv, *normaliser, LeakyReLU(LEAKY_SLOPE)]

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, C, H, W) -> (N, C_inner, s, s)
        return self.dense(x.flatten(1)).squeeze(1).float()  # (N,) or (N, num_outputs), float32 also under autocast
