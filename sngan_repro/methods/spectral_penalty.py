"""A penalty on the spectral norms of D's weights."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("spectral_penalty")
class SpectralPenalty(GAN):
    """Yoshida and Miyato 2017, eq. 6, with the standard GAN loss."""

    title = "SpectralPenalty"
    summary = "penalty on the squared spectral norms of D's weights, standard loss"
    source = "yoshida2017"
    Options = GANOptions.preset(loss="standard", penalty="spectral")
