"""BN: the standard GAN with batch norm in D."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("bn")
class BatchNormGAN(GAN):
    """Radford et al. 2016: batch norm after every convolution of D but the first, without gain as in SNGAN's study."""

    title = "BN"
    summary = "batch norm in D, standard loss"
    source = "radford2016, ioffe2015"
    Options = GANOptions.preset(norm="batch")
