"""From a NetsSpec to initialised networks."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from sngan_repro.nets.autoencoder import AutoencoderDiscriminator
from sngan_repro.nets.cnn import ConvDiscriminator, ConvGenerator
from sngan_repro.nets.convolution import Conv2d
from sngan_repro.nets.layers import SNConv2d, SNLinear, SpectralNormalised
from sngan_repro.specs import NetsSpec

ImageShape = tuple[int, int, int]
"""(channels, height, width)"""


def build_generator(nets: NetsSpec, image_shape: ImageShape) -> nn.Module:
    """The generator that every method shares: (N, z_dim) -> (N, C, H, W) in (-1, 1)."""
    return initialise(ConvGenerator(nets.z_dim, image_shape, nets.width), nets.init)


def build_discriminator(
    nets: NetsSpec,
    image_shape: ImageShape,
    spectral_norm: bool = False,
    norm: Callable[[int], nn.Module] | None = None,
    norm_first: bool = False,
    num_outputs: int = 1,
) -> nn.Module:
    """The convolutional discriminator: (N, C, H, W) -> (N,), or (N, num_outputs). See ConvDiscriminator."""
    conv, linear = (SNConv2d, SNLinear) if spectral_norm else (Conv2d, nn.Linear)
    net = ConvDiscriminator(image_shape, nets.width, conv, linear, norm, norm_first, num_outputs)
    return initialise(net, nets.init)


def build_autoencoder_discriminator(nets: NetsSpec, image_shape: ImageShape, code_dim: int) -> nn.Module:
    """The autoencoding discriminator: (N, C, H, W) -> reconstruction (N, C, H, W) and code (N, code_dim)."""
    net = AutoencoderDiscriminator(image_shape, nets.width, code_dim)
    return initialise(net, nets.init)


def initialise(net: nn.Module, scheme: str) -> nn.Module:
    """Initialise all convolutions and dense layers by ``scheme`` (see NetsSpec.init); biases 0. Returns ``net``.

    Normalisers keep PyTorch's start (gain 1, shift 0).
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            if scheme == "dcgan":
                nn.init.normal_(module.weight, 0.0, 0.02)
            else:
                nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, SpectralNormalised):
            module.reset_power_iteration()
    return net


def count_parameters(net: nn.Module) -> int:
    """The number of trained parameters."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
