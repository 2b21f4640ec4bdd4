"""What SNGAN, BN, LN and WGAN-GP have in common: a discriminator with one output per image."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sngan_repro.methods import losses
from sngan_repro.methods.base import Logs, Method

if TYPE_CHECKING:
    from torch import Tensor

STANDARD_EQUATIONS = (
    r"L_D = \mathbb{E}[\log(1 + e^{-f(x)})] + \mathbb{E}[\log(1 + e^{f(y)})], \qquad "
    r"L_G = \mathbb{E}[\log(1 + e^{-f(y)})]"
)
HINGE_EQUATIONS = r"L_D = \mathbb{E}[\max(0, 1 - f(x))] + \mathbb{E}[\max(0, 1 + f(y))], \qquad L_G = -\mathbb{E}[f(y)]"


EQUATIONS = {"standard": STANDARD_EQUATIONS, "hinge": HINGE_EQUATIONS}


class AdversarialMethod(Method):
    """Plays the game named by the option ``loss``; a subclass builds the networks."""

    @classmethod
    def equations_for(cls, options: Any) -> str:
        default = cls.Options().to_dict()["loss"]
        if options.loss == default:
            return cls.equations
        return cls.equations.replace(EQUATIONS[default], EQUATIONS[options.loss])

    def d_loss(self, D: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> tuple[Tensor, Logs]:
        f_real, f_fake = self.both(D, real, fake)
        loss = losses.ADVERSARIAL[self.options.loss].d(f_real, f_fake)
        return loss, {"d_real": f_real.detach().mean(), "d_fake": f_fake.detach().mean()}

    def g_loss(self, D: Callable[[Tensor], Tensor], fake: Tensor) -> tuple[Tensor, Logs]:
        return losses.ADVERSARIAL[self.options.loss].g(D(fake)), {}
