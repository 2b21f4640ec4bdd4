"""EBGAN: an autoencoder D as an energy with a margin, and the pulling-away term."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sngan_repro import nets
from sngan_repro.methods import losses
from sngan_repro.methods.base import METHODS, Method, MethodOptions


@METHODS.register("ebgan")
class EBGAN(Method):
    """Zhao et al. 2017, eq. 1-2 and 13-14: margin per example, gradient through y and A(y)."""

    title = "EBGAN"
    summary = "autoencoder D as an energy with a margin per example, pulling-away term in G"
    equations = (
        r"L_D = \mathbb{E}[E(x)] + \mathbb{E}[\max(0, m - E(y))], \qquad "
        r"L_G = \mathbb{E}[E(y)] + w\,\frac{1}{N(N-1)}\sum_{i \neq j}\cos^2(S_i, S_j)"
    )
    symbols = {
        "E": "the energy of an image: the error of the autoencoder $D$ on it, of the kind that `energy` names",
        "m": "margin: the margin",
        "w": "pt_weight: the weight of the pulling-away term",
        "N": "the number of images of a batch",
        "S_i": "the code that the encoder of $D$ gives to generated image $i$ of the batch",
        "j": "another image of the batch",
    }
    source = "zhao2017"
    batch_real_and_fake = True
    conditional = False
    autoencoder = True

    class Options(MethodOptions):
        margin: float = Field(1.0, gt=0, description="m, in units of the energy")
        pt_weight: float = Field(0.1, ge=0, description="w, the weight of the pulling-away term; 0: plain EBGAN")
        energy: Literal["mse", "l2"] = Field("mse", description="mean squared error per pixel, or Euclidean norm")
        code_dim: int | None = Field(None, ge=1, description="length of the code; default: z_dim")

    def build(self):
        G = nets.build_generator(self.nets, self.image)
        code_dim = self.options.code_dim or self.nets.z_dim
        D = nets.build_autoencoder_discriminator(self.nets, self.image, code_dim)
        return G, D

    def energy(self, images, reconstructions):
        """E of each image, (N,)."""
        reconstruction = {"mse": losses.reconstruction_mse, "l2": losses.reconstruction_l2}[self.options.energy]
        return reconstruction(images, reconstructions)

    def pulling_away(self, codes):
        """The term that keeps the codes of a batch (N, d) apart, before its weight."""
        return losses.pulling_away(codes)

    def d_loss(self, D, real, fake):
        (real_image, _), (fake_image, _) = self.both(D, real, fake)
        real_energy, fake_energy = self.energy(real.images, real_image), self.energy(fake.images, fake_image)
        loss = real_energy.mean() + (self.options.margin - fake_energy).clamp(min=0).mean()
        return loss, {"d_real": real_energy.detach().mean(), "d_fake": fake_energy.detach().mean()}

    def g_loss(self, D, fake, real):
        reconstruction, codes = D(*fake)
        pulling_away = self.pulling_away(codes)
        loss = self.energy(fake.images, reconstruction).mean() + self.options.pt_weight * pulling_away
        return loss, {"pulling_away": pulling_away.detach()}
