"""LN: the standard GAN with layer norm in D."""

from __future__ import annotations

import functools
from typing import Literal

from pydantic import Field

from sngan_repro import nets
from sngan_repro.methods.adversarial import STANDARD_EQUATIONS, AdversarialMethod
from sngan_repro.methods.base import METHODS, MethodOptions


@METHODS.register("ln")
class LayerNormGAN(AdversarialMethod):
    """Ba et al. 2016 in D: statistics over all features of one example, shift per channel, no gain."""

    title = "LN"
    summary = "layer norm over all features of an example in D, standard loss"
    equations = STANDARD_EQUATIONS
    source = "ba2016"
    batch_real_and_fake = True

    class Options(MethodOptions):
        loss: Literal["standard", "hinge"] = Field("standard", description="standard (eq. 15) or hinge (eq. 16-17)")
        gain: bool = Field(False, description="learn a gain per channel in D's layer norm")

    def build(self):
        G = nets.build_generator(self.nets, self.image_shape)
        norm = functools.partial(nets.layer_norm, gain=self.options.gain)
        return G, nets.build_discriminator(self.nets, self.image_shape, norm=norm)
