"""SNGAN: every layer of D divided by its spectral norm."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("sngan")
class SNGAN(GAN):
    """Miyato et al. 2018, Algorithm 1: one power iteration per training forward, no normaliser and no gain in D."""

    title = "SNGAN"
    summary = "spectral normalisation of all layers of D, hinge loss"
    source = "miyato2018"
    Options = GANOptions.preset(loss="hinge", weights="spectral")
