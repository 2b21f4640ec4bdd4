"""DRAGAN: a gradient penalty near the real images."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("dragan")
class DRAGAN(GAN):
    """Kodali et al. 2017."""

    title = "DRAGAN"
    summary = "gradient penalty near the real images, standard loss"
    source = "kodali2017"
    Options = GANOptions.preset(loss="standard", penalty="dragan")
