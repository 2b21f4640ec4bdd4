"""Each weight of D divided by its Frobenius norm."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("frobenius")
class Frobenius(GAN):
    """Miyato et al. 2018, section 3 and appendix D."""

    title = "Frobenius"
    summary = "D's weights divided by their Frobenius norm, standard loss"
    source = "miyato2018"
    Options = GANOptions.preset(loss="standard", weights="frobenius")
