"""SNGAN: every layer of D divided by its spectral norm."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sngan_repro import nets
from sngan_repro.methods.adversarial import HINGE_EQUATIONS, AdversarialMethod
from sngan_repro.methods.base import METHODS, MethodOptions


@METHODS.register("sngan")
class SNGAN(AdversarialMethod):
    """Miyato et al. 2018, Algorithm 1: one power iteration per training forward, no normaliser and no gain in D."""

    title = "SNGAN"
    summary = "spectral normalisation of all layers of D, hinge loss"
    equations = HINGE_EQUATIONS + r", \qquad \bar{W} = W / \sigma_1(W)"
    source = "miyato2018"

    class Options(MethodOptions):
        loss: Literal["hinge", "standard"] = Field("hinge", description="hinge (eq. 16-17) or standard (eq. 15)")

    def build(self):
        G = nets.build_generator(self.nets, self.image_shape)
        return G, self.build_discriminator()

    def build_discriminator(self, **options):
        return nets.build_discriminator(self.nets, self.image_shape, spectral_norm=True, **options)
