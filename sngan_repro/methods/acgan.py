"""AC-GAN: D has a second output, the class of the image, and both networks minimise its cross entropy."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sngan_repro.core.lazy import torch
from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions


class ACGANOptions(GANOptions.preset(loss="hinge", weights="spectral")):  # type: ignore[misc]
    """Options of ``gan``, and the weights of the class losses (Gulrajani et al. 2017: 1 and 0.1)."""

    class_weight_d: float = Field(1.0, ge=0, description="weight of the cross entropy of real images in D's loss")
    class_weight_g: float = Field(0.1, ge=0, description="weight of the cross entropy of generated images in G's loss")


@METHODS.register("acgan")
class ACGAN(GAN):
    """Odena et al. 2017 on the networks of SNGAN. D's class loss is of real images only, as in Gulrajani et al. 2017.

    Odena's D also classifies generated images, and its weights are 1.
    """

    title = "AC-GAN"
    summary = "class-conditional; D also classifies images, spectral normalisation, hinge loss"
    source = "odena2017, gulrajani2017, miyato2018"
    condition_d = "ac"
    symbols = {"c": "the class of the image", "p_D": "the softmax of D's second output"}
    Options = ACGANOptions

    @classmethod
    def equations_for(cls, options):
        first, *rest = super().equations_for(options).split(r", \qquad L_G = ")
        d_term, g_term = _term(options.class_weight_d, "x"), _term(options.class_weight_g, "y")
        g_loss, *others = rest[0].split(r", \qquad ")
        return r", \qquad ".join([first + d_term, f"L_G = {g_loss}{g_term}", *others])

    def d_loss(self, D, real, fake):
        kept: dict[str, Any] = {}

        def remember(images, labels=None):
            """D, whose output for the real images is kept: a second pass would make another power iteration."""
            output = D(images, labels)
            kept.setdefault("class_logits", output.class_logits)
            return output

        loss, logs = super().d_loss(remember, real, fake)
        num_real = len(real.images)  # the first rows also where both are one batch
        cross_entropy, accuracy = _class_loss(kept["class_logits"][:num_real], real.labels)
        loss = loss + self.options.class_weight_d * cross_entropy
        return loss, {**logs, "class_loss_d": cross_entropy.detach(), "class_accuracy_real": accuracy}

    def g_loss(self, D, fake, real):
        kept: dict[str, Any] = {}

        def remember(images, labels=None):
            output = D(images, labels)
            kept.setdefault("class_logits", output.class_logits)  # the first pass is that of the generated images
            return output

        loss, _ = super().g_loss(remember, fake, real)
        cross_entropy, accuracy = _class_loss(kept["class_logits"], fake.labels)
        loss = loss + self.options.class_weight_g * cross_entropy
        return loss, {"class_loss_g": cross_entropy.detach(), "class_accuracy_fake": accuracy}


def _term(weight, images):
    """The cross entropy of images x or y in LaTeX, with its weight; empty for 0."""
    if not weight:
        return ""
    factor = "" if weight == 1 else rf"{weight:g}\,"
    return rf" - {factor}\mathbb{{E}}[\log p_D(c \mid {images})]"


def _class_loss(class_logits, labels):
    """(cross entropy, share of images of the right class) of logits (N, num_classes) and labels (N,)."""
    cross_entropy = torch.nn.functional.cross_entropy(class_logits, labels)
    return cross_entropy, (class_logits.detach().argmax(1) == labels).float().mean()
