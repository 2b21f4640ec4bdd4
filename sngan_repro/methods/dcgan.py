"""DCGAN: batch norm with trained gains in D, the standard loss. The networks are the family of the same name."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("dcgan")
class DCGAN(GAN):
    """Radford et al. 2016: batch norm after every layer of D but the first and the last, the non-saturating loss."""

    title = "DCGAN"
    summary = "batch norm with trained gains in D, standard loss; meant for `nets: {family: dcgan}`"
    source = "radford2016"
    Options = GANOptions.preset(loss="standard", norm="batch", gain=True)
