"""K + 1 classes: D classifies an image as one of the K classes of the data, or as generated."""

from __future__ import annotations

from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods.base import METHODS
from sngan_repro.methods.gan import GAN, GANOptions

REPLACED = ("loss", "real_target", "fake_target", "g_target")
"""Options of ``gan`` for its adversarial loss. The cross entropy of K + 1 classes replaces that loss."""


@METHODS.register("k_plus_1")
class KPlus1(GAN):
    """Salimans et al. 2016, section 5, with labels for all real images and a class-conditional G.

    D minimises the cross entropy of real images with their class and of generated ones with class K + 1; G minimises
    that of generated images with the class that it was given. The logit of "real", which the logs use, is the log of
    the summed probability of the K classes minus the log of that of class K + 1.
    """

    title = "K+1"
    summary = "class-conditional; D has an output per class and one for generated images; batch norm in D"
    source = "salimans2016"
    condition_d = "k_plus_1"
    symbols = {"c": "the class of the image", "p_D": "the softmax of D's outputs", "K": "the number of classes"}
    Options = GANOptions.preset(norm="batch", gain=True)

    @classmethod
    def check(cls, options, optimizer):
        for key in REPLACED:
            if getattr(options, key) != GANOptions.model_fields[key].default:
                raise ConfigError(f"`{key}` has no effect with K + 1 classes; remove it")
        super().check(options, optimizer)

    @classmethod
    def options_in_effect(cls, options):
        return {key: value for key, value in super().options_in_effect(options).items() if key not in REPLACED}

    @classmethod
    def adversarial_equations(cls, options):
        d_equation = r"-\mathbb{E}[\log p_D(c \mid x)] - \mathbb{E}[\log p_D(K + 1 \mid y)]"
        return d_equation, r"-\mathbb{E}[\log p_D(c \mid y)]"

    def discriminator_loss(self, of_real, of_fake, real):
        num_classes = of_fake.class_logits.shape[1] - 1
        generated = torch.full_like(real.labels, num_classes)  # class K + 1 has the index K
        cross_entropy = torch.nn.functional.cross_entropy
        return cross_entropy(of_real.class_logits, real.labels) + cross_entropy(of_fake.class_logits, generated)

    def generator_loss(self, of_fake, fake):
        return torch.nn.functional.cross_entropy(of_fake.class_logits, fake.labels)
