"""WGAN-GP: the Wasserstein critic with a gradient penalty."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sngan_repro import nets
from sngan_repro.methods import losses
from sngan_repro.methods.adversarial import AdversarialMethod
from sngan_repro.methods.base import METHODS, MethodOptions


@METHODS.register("wgan_gp")
class WGANGP(AdversarialMethod):
    """Gulrajani et al. 2017: two-sided penalty at random interpolates, no batch norm in the critic."""

    title = "WGAN-GP"
    summary = "Wasserstein loss with a gradient penalty per example, no normaliser in D"
    equations = (
        r"L_D = \mathbb{E}[f(y)] - \mathbb{E}[f(x)] + \lambda\,\mathbb{E}[(\lVert\nabla f(v)\rVert_2 - 1)^2], \qquad "
        r"L_G = -\mathbb{E}[f(y)], \qquad v = \epsilon x + (1 - \epsilon) y,\ \epsilon \sim U[0, 1]"
    )
    source = "gulrajani2017"
    batch_real_and_fake = True

    class Options(MethodOptions):
        loss: Literal["wasserstein"] = Field("wasserstein", description="difference of the means of f")
        gp_weight: float = Field(10.0, ge=0, description="lambda, the weight of the penalty")

    def build(self):
        G = nets.build_generator(self.nets, self.image_shape)
        return G, self.build_discriminator()

    def build_discriminator(self, **options):
        return nets.build_discriminator(self.nets, self.image_shape, **options)

    def d_loss(self, D, real, fake):
        loss, logs = super().d_loss(D, real, fake)
        penalty = losses.gradient_penalty(D, real, fake)
        return loss + self.options.gp_weight * penalty, {**logs, "penalty": penalty.detach()}
