"""The autoencoding discriminator of BEGAN and EBGAN."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from sngan_repro.nets.cnn import LEAKY_SLOPE, pyramid
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.precision import full_precision


class AutoencoderDiscriminator(nn.Module):
    """An image is encoded to a short vector and decoded again; the reconstruction error is its energy.

    Encoder: convolution 3x3, then a convolution 4x4 stride 2 per stage, then dense to the code. Decoder: its mirror
    image with transposed convolutions and a linear output. Leaky ReLU throughout, as in the other discriminators
    (BEGAN's authors use ELU; one family of networks for all methods is worth more here). code_dim: length of the code.
    """

    def __init__(
        self,
        image: ImageSpec,
        width: int,
        code_dim: int,
    ) -> None:
        super().__init__()
        size, channels = pyramid(image.size, width)
        encoder: list[nn.Module] = [nn.Conv2d(image.channels, width, 3, 1, 1), nn.LeakyReLU(LEAKY_SLOPE)]
        for outer, inner in pairwise(channels):
            encoder += [nn.Conv2d(outer, inner, 4, 2, 1), nn.LeakyReLU(LEAKY_SLOPE)]
        self.encoder = nn.Sequential(*encoder)
        self.to_code = nn.Linear(channels[-1] * size * size, code_dim)
        self.from_code = nn.Linear(code_dim, channels[-1] * size * size)
        self.unflatten = nn.Unflatten(1, (channels[-1], size, size))
        decoder: list[nn.Module] = [nn.LeakyReLU(LEAKY_SLOPE)]
        for inner, outer in zip(channels[:0:-1], channels[-2::-1], strict=True):
            decoder += [nn.ConvTranspose2d(inner, outer, 4, 2, 1), nn.LeakyReLU(LEAKY_SLOPE)]
        self.decoder = nn.Sequential(*decoder, nn.Conv2d(width, image.channels, 3, 1, 1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(reconstruction (N, C, H, W), code (N, code_dim)) of images (N, C, H, W). labels: not used."""
        code = self.to_code(self.encoder(images).flatten(1))  # (N, code_dim)
        reconstruction = self.decoder(self.unflatten(self.from_code(code)))  # (N, C, H, W)
        return full_precision(reconstruction), full_precision(code)  # float32 also under autocast
