"""Our Adam and RMSProp against torch.optim, and the keys of a setting."""

from __future__ import annotations

import pytest
import torch

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.training.optimizer import Adam, RMSProp, make_optimizer


def parameters() -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    shapes = ((4, 3, 3, 3), (4,), (5, 7))
    return [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]


def gradients(step: int) -> list[torch.Tensor]:
    torch.manual_seed(1 + step)
    return [torch.randn_like(p) for p in parameters()]


OPTIMIZERS = {
    "adam": (lambda p, lr: Adam(p, lr, 0.5, 0.9), lambda p: torch.optim.Adam(p, 1e-3, (0.5, 0.9), fused=True)),
    "rmsprop": (lambda p, lr: RMSProp(p, lr, 0.9), lambda p: torch.optim.RMSprop(p, 1e-3, alpha=0.9, eps=1e-8)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_same_bits_as_torch_with_changing_rates_and_a_resume(name: str):
    make, make_reference = OPTIMIZERS[name]
    ours, theirs = parameters(), parameters()
    mine, reference = make(ours, 1e-3), make_reference(theirs)
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
            fresh = make(ours, 1.0)
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


def test_rmsprop_by_hand():
    # square_avg = 0.01 g^2 after the first step with alpha 0.99, so the step is lr g / (0.1 |g|) = 10 lr sign(g).
    parameter = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    parameter.grad = torch.tensor([2.0, -0.5])
    RMSProp([parameter], 1e-3, 0.99).step()
    assert parameter.tolist() == pytest.approx([0.99, 1.01], rel=1e-5)


def test_a_setting_names_its_optimizer():
    spec = parse(OptimizerSpec, {"optimizer": "rmsprop", "lr": 5e-5, "n_dis": 5}, "settings: W")
    assert (spec.alpha, spec.beta1, spec.beta2, spec.decays) == (0.99, None, None, "RMSProp, alpha 0.99")
    assert parse(OptimizerSpec, spec.to_dict(), "again") == spec
    made = make_optimizer(spec, parameters(), 5e-5, False)
    assert isinstance(made, RMSProp)
    adam = OptimizerSpec(lr=1e-3)
    assert isinstance(make_optimizer(adam, parameters(), 1e-3, False), Adam)
    assert "optimizer" not in adam.to_dict()  # runs of earlier versions keep their digests
    assert adam.decays == "betas 0.5 and 0.999"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": "rmsprop", "beta1": 0.5}, "`beta1` has no effect with `optimizer: rmsprop`"),
        ({"alpha": 0.9}, "`alpha` has no effect with `optimizer: adam`"),
        ({"optimizer": "sgd"}, "adam"),
        ({"beta2": None}, "`beta2` must be a number"),
    ],
)
def test_keys_of_the_other_optimizer_are_errors(values, message):
    with pytest.raises(ConfigError, match=message):
        parse(OptimizerSpec, {"lr": 1e-3, **values}, "settings: A")
