"""YourMethod: least squares in place of the logistic loss. It works as it is; make it yours line by line."""

from __future__ import annotations

from pydantic import Field

from sngan_repro import nets  # also: from sngan_repro.methods import losses; from sngan_repro.core.lazy import torch
from sngan_repro.methods.base import METHODS, Method, MethodOptions


@METHODS.register("your_method")  # the name in study files
class YourMethod(Method):
    """Mao et al. 2017, eq. 8 with a = 0 for fakes and b = c = ``target`` for reals and for G."""

    title = "your_method"  # the name in paths, tables and figures
    summary = "least-squares loss, no normaliser in D"
    # For the report, in LaTeX: x real, y = G(z), f the output of D. A line ends where `, \qquad ` stands.
    equations = r"L_D = \mathbb{E}[(f(x) - b)^2] + \mathbb{E}[f(y)^2], \qquad L_G = \mathbb{E}[(f(y) - b)^2]"
    source = "mao2017"  # keys of report/references.bib, or of a references.bib beside this file; or plain words

    class Options(MethodOptions):
        """Each field is a key that a study may set; each has a default."""

        target: float = Field(1.0, description="b, the value D should give to real images")

    def build(self):
        """(G, D). G comes first and from here, so it starts alike under every method."""
        G = nets.build_generator(self.nets, self.image_shape)
        # Or spectral_norm=True, norm=nets.layer_norm, ...; or any module that takes images (N, C, H, W).
        D = nets.build_discriminator(self.nets, self.image_shape)
        # What the method remembers goes here as tensors, self.state = {"k": torch.zeros(())}, and is changed in place.
        return G, D

    def d_loss(self, D, real, fake):
        """What D minimises, and logs. real, fake: (N, C, H, W), float32 in [-1, 1]; fake is detached."""
        f_real, f_fake = D(real), D(fake)  # (N,)
        loss = (f_real - self.options.target).square().mean() + f_fake.square().mean()
        return loss, {"d_real": f_real.detach().mean(), "d_fake": f_fake.detach().mean()}

    def g_loss(self, D, fake):
        """What G minimises, and logs. D's weights are frozen here."""
        return (D(fake) - self.options.target).square().mean(), {}
