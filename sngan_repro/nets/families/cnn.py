"""The family ``cnn``: the standard CNN of the SNGAN paper (Miyato et al. 2018, Table 3), and its autoencoder."""

from __future__ import annotations

from sngan_repro.nets.autoencoder import AutoencoderDiscriminator
from sngan_repro.nets.cnn import ConvDiscriminator, ConvGenerator
from sngan_repro.nets.families import FAMILIES, Family


@FAMILIES.register("cnn")
class CNN(Family):
    """Images from 16 to 128 pixels, grey or RGB."""

    name = "cnn"
    summary = "the standard CNN of the SNGAN paper (Table 3), and a convolutional autoencoder of the same widths"

    @classmethod
    def generator(cls, nets, image):
        return ConvGenerator(nets.z_dim, image, nets.width)

    @classmethod
    def discriminator(cls, nets, image, norm=None, norm_first=False, num_outputs=1):
        return ConvDiscriminator(image, nets.width, norm, norm_first, num_outputs)

    @classmethod
    def autoencoder_discriminator(cls, nets, image, code_dim):
        return AutoencoderDiscriminator(image, nets.width, code_dim)
