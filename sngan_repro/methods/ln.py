"""LN: the standard GAN with layer norm in D."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("ln")
class LayerNormGAN(GAN):
    """Ba et al. 2016 in D: statistics over all features of one example, shift per channel, no gain."""

    title = "LN"
    summary = "layer norm over all features of an example in D, standard loss"
    source = "ba2016"
    Options = GANOptions.preset(norm="layer")
