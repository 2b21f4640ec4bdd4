"""Weight clipping as the SNGAN paper has it: the weights of D's convolutions, with the standard loss."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("clipping")
class Clipping(GAN):
    """Miyato et al. 2018, section 4.1: weights of convolutions in [-0.01, 0.01] after each step of D."""

    title = "Clipping"
    summary = "weights of D's convolutions clipped to 0.01, standard loss"
    source = "miyato2018, arjovsky2017"
    Options = GANOptions.preset(loss="standard", clip=0.01, clip_what="conv")
