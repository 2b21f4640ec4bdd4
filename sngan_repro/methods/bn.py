"""BN: the standard GAN with batch norm in D."""

from __future__ import annotations

import functools
from typing import Literal

from pydantic import Field

from sngan_repro import nets
from sngan_repro.methods.adversarial import STANDARD_EQUATIONS, AdversarialMethod
from sngan_repro.methods.base import METHODS, MethodOptions


@METHODS.register("bn")
class BatchNormGAN(AdversarialMethod):
    """Radford et al. 2016: batch norm after every convolution of D but the first, without gain as in SNGAN's study."""

    title = "BN"
    summary = "batch norm in D, standard loss"
    equations = STANDARD_EQUATIONS
    source = "radford2016, ioffe2015"

    class Options(MethodOptions):
        loss: Literal["standard", "hinge"] = Field("standard", description="standard (eq. 15) or hinge (eq. 16-17)")
        gain: bool = Field(False, description="learn a gain per channel in D's batch norm")

    def build(self):
        G = nets.build_generator(self.nets, self.image_shape)
        norm = functools.partial(nets.batch_norm, gain=self.options.gain)
        return G, nets.build_discriminator(self.nets, self.image_shape, norm=norm)
