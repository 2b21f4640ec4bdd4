"""Convolution and leaky ReLU against PyTorch's own, to the second derivative."""

import pytest
import torch
import torch.nn.functional as F

from sngan_repro.nets import convolution
from sngan_repro.nets.convolution import Conv2d, LeakyReLU, only_inputs

GEOMETRIES = [(3, 1, 1), (4, 2, 1), (3, 2, 0), (1, 1, 0)]


def layers(kernel, stride, padding, channels=(3, 5)):
    torch.manual_seed(0)
    ours = Conv2d(*channels, kernel, stride, padding).double()
    theirs = torch.nn.Conv2d(*channels, kernel, stride, padding).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, channels[0], 8, 8, dtype=torch.float64)
    return ours, theirs, x


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_values_and_gradients_equal_torch(geometry):
    ours, theirs, x = layers(*geometry)
    found, wanted = [], []
    for layer, results in ((ours, found), (theirs, wanted)):
        v = x.clone().requires_grad_()
        y = layer(v)
        y.square().sum().backward()
        results += [y, v.grad, layer.weight.grad, layer.bias.grad]
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_all_second_derivatives(geometry):
    ours, _, x = layers(*geometry)
    inputs = (x[:2, :, :5, :5].clone().requires_grad_(), ours.weight, ours.bias)

    def function(x, weight, bias):
        return convolution._Convolve.apply(x, weight, bias, convolution.Geometry(ours.stride, ours.padding)).pow(2)

    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("slope", [0.1, 0.5])
def test_leaky_relu_to_the_second_derivative(slope):
    x = torch.randn(50, dtype=torch.float64).requires_grad_()
    assert torch.equal(LeakyReLU(slope)(x * 1), F.leaky_relu(x, slope))
    assert torch.autograd.gradcheck(lambda x: LeakyReLU(slope)(x * 2).pow(3), (x,))
    assert torch.autograd.gradgradcheck(lambda x: LeakyReLU(slope)(x * 2).pow(3), (x,))


def critic(conv, relu):
    """Two convolutions, a dense layer, and both kinds of nonlinearity, in float64."""
    torch.manual_seed(1)
    net = torch.nn.Sequential(
        conv(2, 4, 3, 1, 1), relu(0.1), conv(4, 6, 4, 2, 1), relu(0.1), torch.nn.Flatten(), torch.nn.Linear(96, 1)
    )
    return net.double()


def penalty_gradients(net, inside):
    """Gradients of E[(|grad f|_2 - 1)^2] + E[f] by all weights."""
    torch.manual_seed(2)
    v = torch.randn(5, 2, 8, 8, dtype=torch.float64).requires_grad_()
    with inside():
        f = net(v)
    (gradient,) = torch.autograd.grad(f.sum(), v, create_graph=True)
    loss = (gradient.flatten(1).norm(dim=1) - 1).square().mean() + net(v.detach()).mean()
    return torch.autograd.grad(loss, list(net.parameters()))


def test_gradients_of_a_gradient_penalty_equal_torch():
    from contextlib import nullcontext

    wanted = penalty_gradients(critic(torch.nn.Conv2d, torch.nn.LeakyReLU), nullcontext)
    for inside in (only_inputs, nullcontext):
        found = penalty_gradients(critic(Conv2d, LeakyReLU), inside)
        for a, b in zip(found, wanted, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


def test_a_gradient_penalty_needs_no_pass_of_zeros(monkeypatch):
    """Each convolution is asked for: its input once, and once more for its weight. PyTorch asks for both once more."""
    net = critic(Conv2d, LeakyReLU)
    calls = []
    original = convolution._backward
    monkeypatch.setattr(convolution, "_backward", lambda *given: calls.append(given[-1]) or original(*given))
    v = torch.randn(5, 2, 8, 8, dtype=torch.float64).requires_grad_()
    with only_inputs():
        f = net(v)
    (gradient,) = torch.autograd.grad(f.sum(), v, create_graph=True)
    torch.autograd.grad(gradient.square().sum(), [net[0].weight, net[2].weight])
    assert sorted(calls) == [[False, True, False]] * 2 + [[True, False, False]] * 2


def test_autocast_casts_to_its_type_and_gradients_back():
    layer = Conv2d(3, 4, 3, 1, 1)
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert x.grad.dtype == layer.weight.grad.dtype == layer.bias.grad.dtype == torch.float32
    torch.testing.assert_close(y.float(), F.conv2d(x, layer.weight, layer.bias, 1, 1), rtol=2e-2, atol=2e-2)
