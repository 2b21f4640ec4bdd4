"""Orthonormal regularisation of D, from orthonormal initial weights."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("orthonormal")
class Orthonormal(GAN):
    """Miyato et al. 2018, section 4.1, after Brock et al. 2017. The paper states no weight of the penalty."""

    title = "Orthonormal"
    summary = "penalty on D's weights that are not orthonormal, orthonormal initial weights, standard loss"
    source = "brock2017, miyato2018"
    Options = GANOptions.preset(loss="standard", penalty="orthonormal", d_init="orthogonal")
