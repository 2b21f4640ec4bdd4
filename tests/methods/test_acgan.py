"""AC-GAN: its class losses by hand, their weights, and what it needs."""

from __future__ import annotations

import math

import pytest
import torch
from methods_support import labels_for, make

from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import Batch, DOutput

REAL = Batch(torch.zeros(2, 1, 16, 16), torch.tensor([0, 2]))
FAKE = Batch(torch.ones(2, 1, 16, 16), torch.tensor([1, 1]))


def constant_d(images: torch.Tensor, labels: torch.Tensor | None = None) -> DOutput:
    """Logit 0 for every image; odds of 3 : 1 : 1 for real images, 1 : 1 : 2 for generated ones."""
    odds = torch.tensor([3.0, 1, 1]) if images.max() == 0 else torch.tensor([1.0, 1, 2])
    return DOutput(torch.zeros(len(images)), (), odds.log().expand(len(images), 3))


@pytest.mark.parametrize(("weight_d", "weight_g"), [(1.0, 0.1), (0.5, 2.0), (0.0, 0.0)])
def test_losses_by_hand(weight_d: float, weight_g: float):
    """Hinge losses of logit 0 are 2 and 0. The cross entropy of D is that of the real images alone."""
    method, _, _ = make("acgan", class_weight_d=weight_d, class_weight_g=weight_g)
    of_real = -(math.log(3 / 5) + math.log(1 / 5)) / 2
    of_fake = -math.log(1 / 4)
    d_loss, d_logs = method.d_loss(constant_d, REAL, FAKE)
    g_loss, g_logs = method.g_loss(constant_d, FAKE, REAL)
    assert d_loss.item() == pytest.approx(2 + weight_d * of_real, rel=1e-6)
    assert g_loss.item() == pytest.approx(weight_g * of_fake, rel=1e-6)
    assert d_logs["class_loss_d"].item() == pytest.approx(of_real, rel=1e-6)
    assert g_logs["class_loss_g"].item() == pytest.approx(of_fake, rel=1e-6)
    assert d_logs["class_accuracy_real"].item() == 0.5
    assert g_logs["class_accuracy_fake"].item() == 0


@pytest.mark.parametrize(
    "options", [{}, {"weights": None, "loss": "standard"}, {"weights": None, "penalty": "gradient"}]
)
def test_class_loss_is_of_the_real_images(options: dict):
    """Whether real and generated images pass through D together or apart, and before a penalty's pass."""
    method, G, D = make("acgan", **options)
    D.eval()
    real = Batch(torch.rand(6, 1, 16, 16), labels_for(method, 6))
    fake = Batch(G(torch.randn(6, 8), real.labels).detach(), real.labels)
    expected = torch.nn.functional.cross_entropy(D(*real).class_logits, real.labels)
    assert method.d_loss(D, real, fake)[1]["class_loss_d"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_equations():
    method = METHODS.get("acgan")
    text = method.equations_for(method.Options(class_weight_d=1.0, class_weight_g=0.1))
    d_loss, g_loss, *_ = text.split(r", \qquad ")
    assert d_loss.endswith(r"] - \mathbb{E}[\log p_D(c \mid x)]")
    assert g_loss.startswith("L_G = ")
    assert g_loss.endswith(r"- 0.1\,\mathbb{E}[\log p_D(c \mid y)]")
    assert "log" not in method.equations_for(method.Options(class_weight_d=0, class_weight_g=0))
