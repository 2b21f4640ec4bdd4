"""Every loss against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from sngan_repro.methods import losses

REAL = torch.tensor([2.0, -1.0, 0.5])
FAKE = torch.tensor([-2.0, 0.0, 1.5])


def sp(t: float) -> float:
    return math.log1p(math.exp(t))


def test_standard():
    d = (sp(-2) + sp(1) + sp(-0.5)) / 3 + (sp(-2) + sp(0) + sp(1.5)) / 3
    assert losses.standard_d(REAL, FAKE).item() == pytest.approx(d, rel=1e-6)
    assert losses.standard_g(FAKE).item() == pytest.approx((sp(2) + sp(0) + sp(-1.5)) / 3, rel=1e-6)


def test_standard_at_chance():
    zero = torch.zeros(5)
    assert losses.standard_d(zero, zero).item() == pytest.approx(2 * math.log(2))
    assert losses.standard_g(zero).item() == pytest.approx(math.log(2))


def test_standard_g_does_not_saturate():
    fake = torch.tensor([-30.0], requires_grad=True)
    losses.standard_g(fake).backward()
    assert fake.grad.item() == pytest.approx(-1.0, abs=1e-6)


def test_hinge():
    # max(0, 1 - f(x)): 0, 2, 0.5; max(0, 1 + f(y)): 0, 1, 2.5
    assert losses.hinge_d(REAL, FAKE).item() == pytest.approx(2.5 / 3 + 3.5 / 3)
    assert losses.hinge_g(FAKE).item() == pytest.approx(0.5 / 3)


def test_wasserstein():
    assert losses.wasserstein_d(REAL, FAKE).item() == pytest.approx(-0.5 / 3 - 1.5 / 3)
    assert losses.wasserstein_g(FAKE).item() == pytest.approx(0.5 / 3)


def test_reconstructions_are_per_example():
    x = torch.zeros(2, 1, 2, 2)
    a = torch.stack([torch.full((1, 2, 2), 0.5), torch.tensor([[[3.0, 0], [0, 4.0]]])])
    assert losses.reconstruction_l1(x, a).tolist() == pytest.approx([0.5, 1.75])
    assert losses.reconstruction_mse(x, a).tolist() == pytest.approx([0.25, 6.25])
    assert losses.reconstruction_l2(x, a).tolist() == pytest.approx([1.0, 5.0])
