"""Gradient penalty and pulling-away term against hand-computed values."""

from __future__ import annotations

import pytest
import torch

from sngan_repro.methods.losses.penalties import gradient_penalty, pulling_away


def test_gradient_penalty_of_a_linear_critic():
    # f(x) = 3 x_1 + 4 x_2: the gradient norm is 5 everywhere, so the penalty is (5 - 1)^2.
    weight = torch.tensor([3.0, 4.0]).view(1, 1, 1, 2).requires_grad_()
    real, fake = torch.randn(6, 1, 1, 2), torch.randn(6, 1, 1, 2)
    penalty = gradient_penalty(lambda v: (v * weight).flatten(1).sum(1), real, fake)
    assert penalty.item() == pytest.approx(16.0, rel=1e-5)
    penalty.backward()
    # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    assert weight.grad.flatten().tolist() == pytest.approx([8 * 0.6, 8 * 0.8], rel=1e-5)


def test_gradient_penalty_is_per_example():
    # f(v) = |v|^2 / 2 has the gradient v itself: norms 1 and 3 where real equals fake, so (0 + 4) / 2.
    points = torch.tensor([[1.0, 0.0], [0.0, 3.0]]).view(2, 1, 1, 2)
    penalty = gradient_penalty(lambda v: v.square().flatten(1).sum(1) / 2, points, points)
    assert penalty.item() == pytest.approx(2.0)


def test_gradient_penalty_is_two_sided():
    points = torch.full((2, 1, 1, 1), 0.25)
    assert gradient_penalty(lambda v: v.square().flatten(1).sum(1) / 2, points, points).item() == pytest.approx(0.5625)


def test_interpolates_lie_between_with_one_weight_per_example():
    seen = []

    def critic(v):
        seen.append(v.detach())
        return v.flatten(1).sum(1)

    torch.manual_seed(0)
    gradient_penalty(critic, torch.ones(500, 1, 2, 2), torch.zeros(500, 1, 2, 2))
    weights = seen[0].flatten(1)
    assert torch.equal(weights, weights[:, :1].expand(-1, 4))  # the same e for all coordinates of one example
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert weights[:, 0].unique().numel() > 400  # one e per example, not one per batch
    assert weights[:, 0].mean().item() == pytest.approx(0.5, abs=0.05)


def test_pulling_away_by_hand():
    # cosines: (1,2): 0, (1,3): 1/sqrt(2), (2,3): 1/sqrt(2); squares summed over ordered pairs: 2 (0.5 + 0.5) = 2
    codes = torch.tensor([[2.0, 0.0], [0.0, 5.0], [1.0, 1.0]])
    assert pulling_away(codes).item() == pytest.approx(2 / 6)


def test_pulling_away_limits_and_scale_freedom():
    assert pulling_away(torch.eye(4)).item() == 0.0
    assert pulling_away(torch.ones(4, 3)).item() == pytest.approx(1.0)
    codes = torch.randn(5, 3)
    scales = torch.tensor([[1.0], [10], [0.1], [3], [7]])
    assert pulling_away(codes * scales).item() == pytest.approx(pulling_away(codes).item(), rel=1e-5)
