"""LSGAN: least squares on the logits."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("lsgan")
class LSGAN(GAN):
    """Mao et al. 2017, eq. 9."""

    title = "LSGAN"
    summary = "least-squares loss, no normaliser"
    source = "mao2017"
    Options = GANOptions.preset(loss="least_squares")
