"""Convolutions that change the size: the values and gradients of the two operations that they replace."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sngan_repro.nets.listing import module_text
from sngan_repro.nets.resampling import PoolingConv2d, UpsamplingConv2d, summed_kernel
from sngan_repro.nets.weights import effective_weight, normalise_weights, spectral_norms


def plain_up(layer: nn.Module, x: Tensor) -> Tensor:
    return F.conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), layer.weight, layer.bias, padding=1)


def plain_down(layer: nn.Module, x: Tensor) -> Tensor:
    maps = F.conv2d(x, layer.weight, layer.bias, padding=1)
    return (maps[..., ::2, ::2] + maps[..., 1::2, ::2] + maps[..., ::2, 1::2] + maps[..., 1::2, 1::2]) / 4


CASES = [(UpsamplingConv2d, plain_up), (PoolingConv2d, plain_down)]


def test_summed_kernel_by_hand():
    weight = torch.arange(9.0).view(1, 1, 3, 3)  # rows 0 1 2, 3 4 5, 6 7 8
    expected = [[0, 1, 3, 2], [3, 8, 12, 7], [9, 20, 24, 13], [6, 13, 15, 8]]
    assert summed_kernel(weight)[0, 0].tolist() == expected


@pytest.mark.parametrize(("kind", "plain"), CASES)
@pytest.mark.parametrize("shape", [(2, 3, 2, 2), (2, 3, 4, 6), (1, 3, 8, 8)])
def test_values_and_gradients_of_the_two_operations(kind, plain, shape):
    """Also at the borders, by the input, the weight and the bias."""
    torch.manual_seed(0)
    layer, x = kind(3, 5).double(), torch.randn(shape, dtype=torch.float64, requires_grad=True)
    found, wanted = layer(x), plain(layer, x)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    towards = torch.randn_like(wanted)
    tensors = (x, layer.weight, layer.bias)
    gradients = (torch.autograd.grad(output, tensors, towards) for output in (found, wanted))
    for of_layer, of_two in zip(*gradients, strict=True):
        torch.testing.assert_close(of_layer, of_two, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [UpsamplingConv2d, PoolingConv2d])
def test_second_derivatives(kind):
    """As a gradient penalty needs them."""
    torch.manual_seed(0)
    layer = kind(2, 2).double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)

    def output(x: Tensor, weight: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, x)

    assert torch.autograd.gradgradcheck(output, (x, layer.weight))


@pytest.mark.parametrize(("kind", "plain"), CASES)
def test_the_normaliser_sees_the_small_kernel(kind, plain):
    """Spectral normalisation is of the matrix (c_out, 9 c_in) of the paper, not of the summed kernel."""
    torch.manual_seed(0)
    net = normalise_weights(nn.Sequential(kind(3, 4)), "spectral").double()
    (layer,) = net
    layer.parametrizations.weight[0].reset(layer.parametrizations.weight.original, 100)
    net.eval()
    assert spectral_norms(net) == {"0": pytest.approx(1)}
    assert effective_weight(layer).shape == (4, 3, 3, 3)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(net(x), plain(layer, x))


def test_words_of_the_table_of_layers():
    assert module_text(PoolingConv2d(1, 1)) == "convolution 3 × 3 and average pooling 2"
    normalised = normalise_weights(nn.Sequential(UpsamplingConv2d(1, 1)), "spectral")[0]
    assert module_text(normalised) == "upsampling × 2, nearest, and convolution 3 × 3, spectral norm of the weight"
