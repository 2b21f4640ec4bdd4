"""Networks shared by all methods, their weight and activation normalisers, latents, sampling and snapshots.

Each name here is imported at its first use, so that :mod:`sngan_repro.nets.families` is listed without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from sngan_repro.nets.activations import NORMS as NORMS
    from sngan_repro.nets.activations import batch_norm as batch_norm
    from sngan_repro.nets.activations import layer_norm as layer_norm
    from sngan_repro.nets.autoencoder import AutoencoderDiscriminator as AutoencoderDiscriminator
    from sngan_repro.nets.build import build_autoencoder_discriminator as build_autoencoder_discriminator
    from sngan_repro.nets.build import build_discriminator as build_discriminator
    from sngan_repro.nets.build import build_generator as build_generator
    from sngan_repro.nets.cnn import ConvDiscriminator as ConvDiscriminator
    from sngan_repro.nets.cnn import ConvGenerator as ConvGenerator
    from sngan_repro.nets.cnn import pyramid as pyramid
    from sngan_repro.nets.initialisation import count_parameters as count_parameters
    from sngan_repro.nets.initialisation import initialise as initialise
    from sngan_repro.nets.interface import Batch as Batch
    from sngan_repro.nets.interface import DOutput as DOutput
    from sngan_repro.nets.interface import ImageSpec as ImageSpec
    from sngan_repro.nets.weights import clip_weights as clip_weights
    from sngan_repro.nets.weights import normalise_weights as normalise_weights
    from sngan_repro.nets.weights import spectral_norms as spectral_norms

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "activations": ["NORMS", "batch_norm", "layer_norm"],
        "autoencoder": ["AutoencoderDiscriminator"],
        "build": ["build_autoencoder_discriminator", "build_discriminator", "build_generator"],
        "cnn": ["ConvDiscriminator", "ConvGenerator", "pyramid"],
        "initialisation": ["count_parameters", "initialise"],
        "interface": ["Batch", "DOutput", "ImageSpec"],
        "weights": ["clip_weights", "normalise_weights", "spectral_norms"],
    },
)
