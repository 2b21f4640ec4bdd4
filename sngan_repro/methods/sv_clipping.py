"""Clipping of the singular values of D's weights."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("sv_clipping")
class SVClipping(GAN):
    """Saito et al. 2017, section 3.3: every fifth step an SVD of each weight, singular values above 1 set to 1."""

    title = "SV-clipping"
    summary = "singular values of D's weights clipped to 1 every fifth step, standard loss"
    source = "saito2017"
    Options = GANOptions.preset(loss="standard", clip_singular_values=5)
