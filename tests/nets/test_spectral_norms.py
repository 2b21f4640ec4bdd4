"""The spectral normalisation of all layers together against that of each layer by itself: the same bits."""

from __future__ import annotations

import copy
from collections import Counter

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.nets.export import folded
from sngan_repro.nets.initialisation import initialise
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.power_iteration import Segments
from sngan_repro.nets.spectral_norm import SpectralNorm, normalise_together
from sngan_repro.nets.weights import normalise_weights, normalisers_of, spectral_norms_of, weighted_layers

IMAGE = ImageSpec(3, 32, num_classes=10)
CASES = {
    "cnn": ({}, {}),
    "narrow cnn": ({"width": 3}, {}),  # parts that do not fill whole vectors
    "three iterations": ({}, {"num_iterations": 3}),
    "target": ({}, {"target": 2.5}),
    "gain": ({}, {"gain": True}),
    "resnet": ({"family": "resnet"}, {}),
    "projection": ({"family": "resnet", "conditional": True}, {}),
    "dcgan": ({"family": "dcgan"}, {}),
}


def both(case: str) -> tuple[nn.Module, nn.Module]:
    """A discriminator, and a copy of it whose layers normalise their weights by themselves."""
    family, options = CASES[case]
    torch.manual_seed(0)
    spec = NetsSpec(**{"width": 8} | family)
    D = nets.build_discriminator(spec, IMAGE, weights="spectral", weights_options=options)
    alone = copy.deepcopy(D)
    spectral_norms_of(alone).remove()
    return D, alone


def passes(D: nn.Module, dtype: torch.dtype | None = None) -> list[Tensor]:
    """Two passes with one backward each, as in an update of D: outputs and gradients."""
    generator = torch.Generator().manual_seed(1)
    found = []
    for _ in range(2):
        images, labels = torch.randn(4, 3, 32, 32, generator=generator), torch.arange(4)
        with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
            logits = D(images, labels).logits
        logits.float().sum().backward()
        found.append(logits.detach())
    return [*found, *(parameter.grad for parameter in D.parameters())]


class Calls(TorchDispatchMode):
    """Counts the operations that are called, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.by_name[str(function).split(".")[1]] += 1  # as in aten.mv.out
        return function(*arguments, **options or {})


@pytest.mark.parametrize("dtype", [None, torch.bfloat16], ids=["float32", "bf16"])
@pytest.mark.parametrize("case", CASES)
def test_the_same_bits_as_layer_by_layer(case: str, dtype: torch.dtype | None):
    D, alone = both(case)
    for _ in range(3):
        for together, by_itself in zip(passes(D, dtype), passes(alone, dtype), strict=True):
            assert torch.equal(together, by_itself)
    states = D.state_dict(), alone.state_dict()
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(*pair) for pair in zip(*(state.values() for state in states), strict=True))


def test_fewer_operations():
    """Per layer and pass there were two divisions and a copy of vectors; now there are two of each for all layers."""
    counts = []
    for D in both("cnn"):
        with Calls() as calls:
            passes(D)
        counts.append(calls.by_name)
    together, alone = counts
    num_layers = len(weighted_layers(both("cnn")[0]))
    assert together["mv"] == alone["mv"] == 2 * 2 * num_layers  # W^T u and W v, two passes
    assert alone["_foreach_copy_"] == 2 * num_layers
    assert together["_foreach_copy_"] == 2
    assert alone["_foreach_norm"] == 4 * num_layers
    assert together["_foreach_norm"] == 4


@pytest.mark.parametrize("unused", [None, 1])
def test_gradients_against_finite_differences(unused: int | None):
    """Of several weights at once, also where the loss does not depend on one of them."""
    torch.manual_seed(0)
    shapes = [(4, 6), (7, 5), (1, 17)]
    weights = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    normalisers = [SpectralNorm(target=1.5) for _ in shapes]
    for normaliser, weight in zip(normalisers, weights, strict=True):
        normaliser.reset(weight, 100)
        normaliser.eval()
    directions = [torch.randn(shape, dtype=torch.float64) for shape in shapes]

    def value(*given: Tensor) -> Tensor:
        found = normalise_together(normalisers, given, Segments(given), torch.float64)
        parts = [(matrix * direction).sum() for matrix, direction in zip(found, directions, strict=True)]
        return sum(part for index, part in enumerate(parts) if index != unused)

    assert torch.autograd.gradcheck(value, weights, atol=1e-7)
    value(*weights).backward()
    assert [weight.grad is None for weight in weights] == [index == unused for index in range(3)]


class Twice(nn.Module):
    """Uses one layer twice in a pass and one never."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.last, self.unused = nn.Linear(6, 6), nn.Linear(6, 1), nn.Linear(6, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.shared(self.shared(x)))  # (N, 1)


def twice() -> nn.Module:
    torch.manual_seed(0)
    net = normalise_weights(Twice(), "spectral")
    initialise(net, "xavier")
    return net


def test_a_layer_that_is_used_twice_makes_two_iterations():
    net, x = twice(), torch.randn(2, 6)
    alone = copy.deepcopy(net)
    spectral_norms_of(alone).remove()
    assert torch.equal(net(x), alone(x))
    for name in ("shared", "last"):
        pair = [normalisers_of(getattr(found, name))[0].uv for found in (net, alone)]
        assert torch.equal(*pair)


def test_nothing_is_kept_after_a_pass():
    """A weight that a pass left over, or that a pass with an error left, would be out of date in the next."""
    net, x = twice(), torch.randn(2, 6)
    net(x)
    with pytest.raises(RuntimeError):
        net(torch.randn(2, 5))
    assert all(normalisers_of(layer)[0].ready is None for _, layer in weighted_layers(net))


def test_a_layer_outside_of_a_pass_uses_its_present_weight():
    net, x = twice(), torch.randn(2, 6)
    net(x)
    with torch.no_grad():
        net.last.parametrizations.weight.original.mul_(-1)
    before = normalisers_of(net.last)[0].uv.clone()
    weight = net.last.weight
    assert torch.equal(weight.sign(), net.last.parametrizations.weight.original.sign())
    assert not torch.equal(before, normalisers_of(net.last)[0].uv)


def test_a_pass_in_evaluation_mode_changes_nothing():
    net, x = twice().eval(), torch.randn(2, 6)
    before = copy.deepcopy(net.state_dict())
    assert torch.equal(net(x), net(x))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_copy_normalises_its_own_weights():
    D, _ = both("cnn")
    other = copy.deepcopy(D)
    before = {name: value.clone() for name, value in D.state_dict().items()}
    other(torch.randn(2, 3, 32, 32))
    assert all(torch.equal(value, before[name]) for name, value in D.state_dict().items())
    assert not torch.equal(normalisers_of(other.features[0])[0].uv, normalisers_of(D.features[0])[0].uv)


def test_a_folded_copy_has_no_hooks():
    D, _ = both("cnn")
    plain = folded(D)
    x = torch.randn(2, 3, 32, 32)
    with Calls() as calls:
        found = plain(x).logits
    assert calls.by_name["mv"] == 0
    torch.testing.assert_close(found, D.eval()(x).logits)
