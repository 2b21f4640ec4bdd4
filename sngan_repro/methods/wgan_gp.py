"""WGAN-GP: the Wasserstein critic with a gradient penalty."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("wgan_gp")
class WGANGP(GAN):
    """Gulrajani et al. 2017: two-sided penalty at random interpolates, no batch norm in the critic."""

    title = "WGAN-GP"
    summary = "Wasserstein loss with a gradient penalty per example, no normaliser in D"
    source = "gulrajani2017"
    Options = GANOptions.preset(loss="wasserstein", penalty="gradient")
