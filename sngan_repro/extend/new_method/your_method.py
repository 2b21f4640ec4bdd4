"""YourMethod: least squares instead of the logistic loss. It works as it is; change it line by line."""

from __future__ import annotations

from pydantic import Field

from sngan_repro import nets  # also: from sngan_repro.methods import losses; from sngan_repro.core.lazy import torch
from sngan_repro.methods.base import METHODS, Method, MethodOptions


@METHODS.register("your_method")  # the name in study files
class YourMethod(Method):
    """Mao et al. 2017, eq. 8 with a = 0 for fakes and b = c = ``target`` for reals and for G."""

    title = "your_method"  # the name in paths, tables and figures
    summary = "least-squares loss, no normaliser in D"
    # For the report, in LaTeX: x real, y = G(z), f the logit of D. `, \qquad ` begins a new line.
    equations = r"L_D = \mathbb{E}[(f(x) - b)^2] + \mathbb{E}[f(y)^2], \qquad L_G = \mathbb{E}[(f(y) - b)^2]"
    symbols = {"b": "target: the value that D should give to real images"}  # `target:` names the option
    source = "mao2017"  # keys of report/references.bib, or of a references.bib beside this file; or plain words

    class Options(MethodOptions):
        """Each field is a key that a study may set. Each needs a default."""

        target: float = Field(1.0, description="b, the value that D should give to real images")

    def build(self):
        """(G, D). Build G first and by this function, so that it starts with the same weights under every method."""
        G = nets.build_generator(self.nets, self.image)
        # Or weights="spectral", norm=nets.layer_norm, ...; or any module D(images, labels=None) -> DOutput.
        D = nets.build_discriminator(self.nets, self.image)
        # State of the method: self.state = {"k": torch.zeros(())}. Change its tensors in place.
        return G, D

    def d_loss(self, D, real, fake):
        """The loss of D, and logs. real, fake: batches of images (N, C, H, W) in [-1, 1] with labels or None."""
        f_real, f_fake = D(*real).logits, D(*fake).logits  # (N,)
        loss = (f_real - self.options.target).square().mean() + f_fake.square().mean()
        return loss, {"d_real": f_real.detach().mean(), "d_fake": f_fake.detach().mean()}

    def g_loss(self, D, fake, real):
        """The loss of G, and logs. D's weights are frozen here; `real` is the last real batch of D."""
        return (D(*fake).logits - self.options.target).square().mean(), {}
