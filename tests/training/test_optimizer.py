"""Our Adam against torch.optim.Adam."""

from __future__ import annotations

import torch

from sngan_repro.training.optimizer import Adam


def parameters() -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    shapes = ((4, 3, 3, 3), (4,), (5, 7))
    return [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]


def gradients(step: int) -> list[torch.Tensor]:
    torch.manual_seed(1 + step)
    return [torch.randn_like(p) for p in parameters()]


def test_the_same_bits_as_torch_with_changing_rates_and_a_resume():
    ours, theirs = parameters(), parameters()
    mine = Adam(ours, 1e-3, 0.5, 0.9)
    reference = torch.optim.Adam(theirs, 1e-3, (0.5, 0.9), fused=True)
    for step in range(8):
        rate = 1e-3 / (1 + step)
        mine.set_lr(rate)
        reference.param_groups[0]["lr"] = rate
        for a, b, gradient in zip(ours, theirs, gradients(step), strict=True):
            a.grad, b.grad = gradient.clone(), gradient.clone()
        mine.step()
        reference.step()
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
        if step == 4:
            fresh = Adam(ours, 1.0, 0.5, 0.9)
            fresh.load_state_dict(mine.state_dict())
            mine = fresh


def test_a_parameter_without_gradients_stays():
    ours = parameters()
    before = ours[1].detach().clone()
    adam = Adam(ours, 1e-2, 0.5, 0.9)
    for parameter in (ours[0], ours[2]):
        parameter.grad = torch.ones_like(parameter)
    adam.step()
    assert torch.equal(ours[1], before)
    assert not torch.equal(ours[0], parameters()[0])
