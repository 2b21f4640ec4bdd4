"""Networks shared by all methods: one generator, a convolutional and an autoencoding discriminator.

What is named here is imported at its first use, so that :mod:`sngan_repro.nets.families` is listed without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_MODULES = ("build", "layers", "cnn", "autoencoder")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = getattr(importlib.import_module(f"{__name__}.{module}"), name, None)
            if found is not None:
                return found
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
