"""Networks shared by all methods: one generator, a convolutional and an autoencoding discriminator."""

from sngan_repro.nets.autoencoder import AutoencoderDiscriminator
from sngan_repro.nets.build import (
    build_autoencoder_discriminator,
    build_discriminator,
    build_generator,
    count_parameters,
)
from sngan_repro.nets.cnn import ConvDiscriminator, ConvGenerator, pyramid
from sngan_repro.nets.layers import SNConv2d, SNLinear, batch_norm, layer_norm, spectral_norms

__all__ = [
    "AutoencoderDiscriminator",
    "ConvDiscriminator",
    "ConvGenerator",
    "SNConv2d",
    "SNLinear",
    "batch_norm",
    "build_autoencoder_discriminator",
    "build_discriminator",
    "build_generator",
    "count_parameters",
    "layer_norm",
    "pyramid",
    "spectral_norms",
]
