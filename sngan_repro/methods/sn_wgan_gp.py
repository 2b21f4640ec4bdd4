"""WGAN-GP with a spectrally normalised critic that has a trained gain per layer."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("sn_wgan_gp")
class SNWGANGP(GAN):
    """Miyato et al. 2018, appendix E and Table 7."""

    title = "SN-WGAN-GP"
    summary = "WGAN-GP, weights of D divided by their spectral norm and multiplied by a gain"
    source = "miyato2018, gulrajani2017"
    Options = GANOptions.preset(loss="wasserstein", penalty="gradient", weights="spectral", weights_gain=True)
