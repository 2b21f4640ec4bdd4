"""From a NetsSpec to initialised networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.families import FAMILIES, Family
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.weights import normalise_weights


def build_generator(nets: NetsSpec, image: ImageSpec) -> nn.Module:
    """The generator that every method shares, G(z, labels=None): (N, z_dim) -> (N, C, H, W) in (-1, 1)."""
    family = _family(nets, image)
    G = normalise_weights(family.generator(nets, image), "spectral" if nets.spectral_g else None)
    return family.initialise(G, nets.init)


def generator_shapes(nets: NetsSpec, image: ImageSpec) -> dict[str, tuple[int, ...]]:
    """The name and shape of each tensor of :func:`build_generator`, without any memory for them."""
    with torch.device("meta"):
        G = _family(nets, image).generator(nets, image)
    return {name: tuple(value.shape) for name, value in G.state_dict().items()}


def build_discriminator(
    nets: NetsSpec,
    image: ImageSpec,
    weights: str | None = None,
    weights_options: dict[str, Any] | None = None,
    **options: Any,
) -> nn.Module:
    """The family's discriminator, D(images, labels=None): (N, C, H, W) -> DOutput.

    weights: "spectral", "weight", "frobenius" or None, the normaliser of its weights, with ``weights_options`` of
    :func:`sngan_repro.nets.weights.normalise_weights`. options: norm, norm_first, num_outputs of Family.discriminator.
    """
    family = _family(nets, image)
    D = normalise_weights(family.discriminator(nets, image, **options), weights, **weights_options or {})
    return family.initialise(D, nets.init)


def build_autoencoder_discriminator(nets: NetsSpec, image: ImageSpec, code_dim: int) -> nn.Module:
    """The family's autoencoding discriminator: (N, C, H, W) -> reconstruction (N, C, H, W) and code (N, code_dim)."""
    family = _family(nets, image)
    if nets.conditional:
        raise ConfigError("nets: conditional: an autoencoding discriminator uses no class labels; remove it")
    return family.initialise(family.autoencoder_discriminator(nets, image, code_dim), nets.init)


def _family(nets: NetsSpec, image: ImageSpec) -> type[Family]:
    family = FAMILIES.get(nets.family)
    family.check(nets, image.size)
    return family
