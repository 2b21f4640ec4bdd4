"""The autoencoding discriminator of BEGAN and EBGAN."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from sngan_repro.nets.cnn import LEAKY_SLOPE, pyramid
from sngan_repro.nets.convolution import Conv2d, LeakyReLU


class AutoencoderDiscriminator(nn.Module):
    """An image is encoded to a short vector and decoded again; the reconstruction error is its energy.

    Encoder: convolution 3x3, then a convolution 4x4 stride 2 per stage, then dense to the code. Decoder: its mirror
    image with transposed convolutions and a linear output. Leaky ReLU throughout, as in the other discriminators
    (BEGAN's authors use ELU; one family of networks for all methods is worth more here). code_dim: length of the code.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        width: int,
        code_dim: int,
    ) -> None:
        super().__init__()
        image_channels, image_size, _ = image_shape
        size, channels = pyramid(image_size, width)
        encoder: list[nn.Module] = [Conv2d(image_channels, width, 3, 1, 1), LeakyReLU(LEAKY_SLOPE)]
        for outer, inner in pairwise(channels):
            encoder += [Conv2d(outer, inner, 4, 2, 1), LeakyReLU(LEAKY_SLOPE)]
        self.encoder = nn.Sequential(*encoder)
        self.to_code = nn.Linear(channels[-1] * size * size, code_dim)
        self.from_code = nn.Linear(code_dim, channels[-1] * size * size)
        self.unflatten = nn.Unflatten(1, (channels[-1], size, size))
        decoder: list[nn.Module] = [LeakyReLU(LEAKY_SLOPE)]
        for inner, outer in zip(channels[:0:-1], channels[-2::-1], strict=True):
            decoder += [nn.ConvTranspose2d(inner, outer, 4, 2, 1), LeakyReLU(LEAKY_SLOPE)]
        self.decoder = nn.Sequential(*decoder, Conv2d(width, image_channels, 3, 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(reconstruction, code) of images x (N, C, H, W)."""
        code = self.to_code(self.encoder(x).flatten(1))  # (N, code_dim)
        reconstruction = self.decoder(self.unflatten(self.from_code(code)))  # (N, C, H, W)
        return reconstruction.float(), code.float()  # float32 also under autocast
