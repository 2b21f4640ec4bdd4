"""Initial weights, and the number of trained parameters."""

from __future__ import annotations

import torch
from torch import nn

from sngan_repro.nets.parametrizations import WeightNormaliser
from sngan_repro.nets.weights import LAYERS, is_transposed, normalisers_of, original_weight, weighted_layers


def initialise(net: nn.Module, scheme: str) -> nn.Module:
    """Initialise all convolutions and dense layers by ``scheme`` (see NetsSpec.init); returns ``net``.

    Biases start at 0, except by the scheme ``pytorch``, which leaves all of PyTorch's initial values.

    Weight normalisers start from the initialised weight, layer by layer, so a network of one seed has the same weights
    with any normaliser that draws no random numbers. Activation normalisers keep PyTorch's start (gain 1, shift 0).
    """
    for module in net.modules():
        if not isinstance(module, LAYERS):
            continue
        weight = original_weight(module)
        if scheme == "dcgan":
            nn.init.normal_(weight, 0.0, 0.02)
        elif scheme == "xavier":
            nn.init.xavier_uniform_(weight)
        if module.bias is not None and scheme != "pytorch":
            nn.init.zeros_(module.bias)
        for normaliser in normalisers_of(module):
            if isinstance(normaliser, WeightNormaliser):
                normaliser.reset(weight)
    return net


def initialise_orthogonal(net: nn.Module) -> nn.Module:
    """Give all convolutions and dense layers random weights with orthonormal rows or columns; returns ``net``.

    The weight of a convolution is the matrix (d_out, d_in * h * w). Weight normalisers start from the new weight.
    """
    for _, layer in weighted_layers(net):
        weight = original_weight(layer)
        with torch.no_grad():
            rows_first = weight.transpose(0, 1) if is_transposed(layer) else weight
            rows_first.copy_(nn.init.orthogonal_(torch.empty(rows_first.shape)))
        for normaliser in normalisers_of(layer):
            if isinstance(normaliser, WeightNormaliser):
                normaliser.reset(weight)
    return net


def count_parameters(net: nn.Module) -> int:
    """The number of trained parameters."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
