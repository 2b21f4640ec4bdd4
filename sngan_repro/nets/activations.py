"""Normalisers of D's activations: functions of a number of channels that make a layer."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def batch_norm(channels: int, gain: bool = False) -> nn.Module:
    """Batch norm over batch and positions, per channel (Ioffe and Szegedy 2015).

    gain: False fixes the gain at 1, as the comparisons of the SNGAN paper do in D (section 4.1).
    """
    return _with_gain(nn.BatchNorm2d(channels), gain)


def layer_norm(channels: int, gain: bool = False) -> nn.Module:
    """Layer norm over all features of one example: channels and positions (Ba et al. 2016). gain: as in batch_norm."""
    return _with_gain(nn.GroupNorm(1, channels), gain)


def _with_gain(norm: nn.BatchNorm2d | nn.GroupNorm, gain: bool) -> nn.Module:
    norm.weight.requires_grad_(gain)
    return norm


NORMS: dict[str, Callable[..., nn.Module]] = {"batch": batch_norm, "layer": layer_norm}
