"""R1: a zero-centred gradient penalty at the real images."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("r1")
class R1(GAN):
    """Mescheder et al. 2018, eq. 9."""

    title = "R1"
    summary = "gradient penalty at the real images, standard loss"
    source = "mescheder2018"
    Options = GANOptions.preset(loss="standard", penalty="r1")
