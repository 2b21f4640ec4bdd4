"""From a NetsSpec to initialised networks."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from sngan_repro.config.specs import NetsSpec
from sngan_repro.nets.convolution import Conv2d
from sngan_repro.nets.families import FAMILIES, ImageShape
from sngan_repro.nets.layers import SNConv2d, SNLinear, SpectralNormalised


def build_generator(nets: NetsSpec, image_shape: ImageShape) -> nn.Module:
    """The generator that every method shares: (N, z_dim) -> (N, C, H, W) in (-1, 1)."""
    return initialise(FAMILIES.get(nets.family).generator(nets, image_shape), nets.init)


def build_discriminator(
    nets: NetsSpec,
    image_shape: ImageShape,
    spectral_norm: bool = False,
    norm: Callable[[int], nn.Module] | None = None,
    norm_first: bool = False,
    num_outputs: int = 1,
) -> nn.Module:
    """The family's discriminator: (N, C, H, W) -> (N,), or (N, num_outputs). See Family.discriminator."""
    conv, linear = (SNConv2d, SNLinear) if spectral_norm else (Conv2d, nn.Linear)
    family = FAMILIES.get(nets.family)
    return initialise(family.discriminator(nets, image_shape, conv, linear, norm, norm_first, num_outputs), nets.init)


def build_autoencoder_discriminator(nets: NetsSpec, image_shape: ImageShape, code_dim: int) -> nn.Module:
    """The family's autoencoding discriminator: (N, C, H, W) -> reconstruction (N, C, H, W) and code (N, code_dim)."""
    return initialise(FAMILIES.get(nets.family).autoencoder_discriminator(nets, image_shape, code_dim), nets.init)


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
