"""Weight normalisation of D without a gain."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("weight_norm")
class WeightNorm(GAN):
    """Miyato et al. 2018, section 4.1 and footnote 8, after Salimans and Kingma 2016."""

    title = "WN"
    summary = "each row of D's weights divided by its norm, standard loss"
    source = "salimans2016wn, miyato2018"
    Options = GANOptions.preset(loss="standard", weights="weight")
