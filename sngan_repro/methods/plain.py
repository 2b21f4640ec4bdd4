"""GAN without any regularisation of D."""

from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


@METHODS.register("plain")
class Plain(GAN):
    """Goodfellow et al. 2014 with the non-saturating loss; `loss: minimax` is their eq. 1."""

    title = "Plain"
    summary = "no normaliser, no penalty, no clipping; standard loss"
    source = "goodfellow2014"
    Options = GANOptions.preset(loss="standard")
