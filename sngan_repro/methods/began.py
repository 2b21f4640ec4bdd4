"""BEGAN: an autoencoder D, and a controller that keeps the two reconstruction errors in proportion."""

from __future__ import annotations

from pydantic import Field

from sngan_repro import nets
from sngan_repro.core.lazy import torch
from sngan_repro.methods import losses
from sngan_repro.methods.base import METHODS, Method, MethodOptions


@METHODS.register("began")
class BEGAN(Method):
    """Berthelot et al. 2017; R is the mean absolute reconstruction error. k is the method's own state."""

    title = "BEGAN"
    summary = "autoencoder D, boundary equilibrium controlled by k"
    equations = (
        r"L_D = R(x) - k_t R(y_D), \qquad L_G = R(y_G), \qquad "
        r"k_{t+1} = \mathrm{clip}(k_t + \lambda_k(\gamma R(x) - R(y_G)), 0, 1), \qquad "
        r"M = R(x) + \lvert\gamma R(x) - R(y_G)\rvert"
    )
    symbols = {
        "R": "the mean absolute difference between an image and what the autoencoder $D$ makes of it, over a batch",
        "y_D": "the generated images of D's step",
        "y_G": "the generated images of G's step",
        "k_t": "the weight of generated images in D's loss after $t$ updates, 0 at the start",
        r"\lambda_k": "lambda_k: the step of the controller",
        r"\gamma": "gamma: the target ratio of the two errors",
        "M": "the measure of convergence, which is logged",
    }
    source = "berthelot2017"
    batch_real_and_fake = True
    conditional = False
    autoencoder = True

    class Options(MethodOptions):
        gamma: float = Field(0.5, ge=0, le=1, description="target ratio of the two errors; low: less variety")
        lambda_k: float = Field(0.001, gt=0, le=1, description="step of the controller")
        code_dim: int | None = Field(None, ge=1, description="length of the code; default: z_dim")

    def build(self):
        G = nets.build_generator(self.nets, self.image)
        D = nets.build_autoencoder_discriminator(self.nets, self.image, self.options.code_dim or self.nets.z_dim)
        self.state = {name: torch.zeros(()) for name in ("k", "real_error", "fake_error")}
        return G, D

    def d_loss(self, D, real, fake):
        (real_image, _), (fake_image, _) = self.both(D, real, fake)
        real_error = losses.reconstruction_l1(real.images, real_image).mean()
        fake_error = losses.reconstruction_l1(fake.images, fake_image).mean()
        self.state["real_error"].copy_(real_error.detach())
        loss = real_error - self.state["k"].clone() * fake_error
        return loss, {"d_real": real_error.detach(), "d_fake": fake_error.detach()}

    def g_loss(self, D, fake, real):
        fake_error = losses.reconstruction_l1(fake.images, D(*fake)[0]).mean()
        self.state["fake_error"].copy_(fake_error.detach())
        return fake_error, {}

    def after_step(self):
        k, real_error = self.state["k"], self.state["real_error"]
        balance = self.options.gamma * real_error - self.state["fake_error"]
        k.add_(self.options.lambda_k * balance).clamp_(0, 1)
        return {"k": k.clone(), "convergence": real_error + balance.abs()}
