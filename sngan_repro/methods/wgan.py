"""WGAN: Wasserstein loss and clipping of all parameters of D."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("wgan")
class WGAN(GAN):
    """Arjovsky et al. 2017, Algorithm 1. Their setting: `optimizer: rmsprop`, lr 0.00005, n_dis 5."""

    title = "WGAN"
    summary = "all parameters of D clipped to 0.01, Wasserstein loss"
    source = "arjovsky2017"
    Options = GANOptions.preset(loss="wasserstein", clip=0.01, clip_what="all")
