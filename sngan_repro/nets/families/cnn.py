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
    def generator(cls, nets, image_shape):
        return ConvGenerator(nets.z_dim, image_shape, nets.width)

    @classmethod
    def discriminator(cls, nets, image_shape, conv, linear, norm, norm_first, num_outputs):
        return ConvDiscriminator(image_shape, nets.width, conv, linear, norm, norm_first, num_outputs)

    @classmethod
    def autoencoder_discriminator(cls, nets, image_shape, code_dim):
        return AutoencoderDiscriminator(image_shape, nets.width, code_dim)
