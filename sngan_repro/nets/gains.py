"""Initial weights with a gain per layer: a layer's attribute ``init_gain``, 1 where it has none."""

from __future__ import annotations

import torch
from torch import nn

from sngan_repro.nets.parametrizations import WeightNormaliser
from sngan_repro.nets.weights import normalisers_of, original_weight, weighted_layers


@torch.no_grad()
def scale_initial_weights(net: nn.Module) -> nn.Module:
    """Multiply the weights of a freshly initialised network by their gains, in place; returns ``net``."""
    for _, layer in weighted_layers(net):
        gain = getattr(layer, "init_gain", 1.0)
        if gain == 1:
            continue
        weight = original_weight(layer)
        weight.mul_(gain)
        for normaliser in normalisers_of(layer):
            if isinstance(normaliser, WeightNormaliser):
                normaliser.reset(weight)
    return net
