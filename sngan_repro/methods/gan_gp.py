"""GAN-GP: the standard loss with the gradient penalty of WGAN-GP."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("gan_gp")
class GANGP(GAN):
    """Miyato et al. 2018, section 4.1; the penalty is taken at the logit, which the paper leaves open."""

    title = "GAN-GP"
    summary = "gradient penalty per example, standard loss"
    source = "gulrajani2017, miyato2018"
    Options = GANOptions.preset(loss="standard", penalty="gradient")
