"""The weights that layers compute with: normalisers of D's weights, and the measurement of spectral norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sngan_repro.nets.parametrizations import FrobeniusNorm, WeightNorm, WeightNormaliser
from sngan_repro.nets.spectral_norm import SpectralNorm, SpectralNorms

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
"""Layers whose weight is a matrix, or becomes one."""
WEIGHT_NORMALISERS: dict[str, Callable[..., WeightNormaliser]] = {
    "spectral": SpectralNorm,
    "weight": WeightNorm,
    "frobenius": FrobeniusNorm,
}


TOGETHER = "spectral_norms"
"""The attribute of a network that :func:`spectral_norms_of` reads."""


class NamedLayer(NamedTuple):
    """A layer and its place in a network."""

    name: str
    layer: Any


def weighted_layers(net: nn.Module) -> list[NamedLayer]:
    """The convolutions, transposed convolutions and dense layers of a network, in the order of its modules."""
    return [NamedLayer(name, layer) for name, layer in net.named_modules() if isinstance(layer, LAYERS)]


def normalise_weights(net: nn.Module, kind: str | None, **options: Any) -> nn.Module:
    """Let every layer of ``net`` compute with a normalised weight; returns ``net``.

    kind: a key of WEIGHT_NORMALISERS, or None for no change. options: of that normaliser (``num_iterations``,
    ``target``). Call it before :func:`sngan_repro.nets.initialisation.initialise`, which starts the state of the
    normalisers.
    """
    if kind is not None:
        layers = [layer for _, layer in weighted_layers(net)]
        for layer in layers:
            normaliser = WEIGHT_NORMALISERS[kind](transposed=is_transposed(layer), **options)
            # unsafe: under autocast the normalised weight has another type than the original, which torch refuses.
            parametrize.register_parametrization(layer, "weight", normaliser, unsafe=True)
        if kind == "spectral" and len(layers) > 1:
            setattr(net, TOGETHER, SpectralNorms(net, layers))
    return net


def spectral_norms_of(net: nn.Module) -> SpectralNorms | None:
    """What normalises all weights of ``net`` together before a pass; None if each layer does it by itself."""
    return getattr(net, TOGETHER, None)


def is_transposed(layer: nn.Module) -> bool:
    """True for a transposed convolution, whose weight is stored as (d_in, d_out, h, w)."""
    return isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)


def original_weight(layer: Any) -> nn.Parameter:
    """The trained parameter behind a layer's weight: the weight itself where there is no normaliser."""
    return layer.parametrizations.weight.original if parametrize.is_parametrized(layer, "weight") else layer.weight


def normalisers_of(layer: Any) -> list[nn.Module]:
    """The weight normalisers of a layer; usually none or one."""
    return list(layer.parametrizations.weight) if parametrize.is_parametrized(layer, "weight") else []


@torch.no_grad()
def effective_weight(layer: Any) -> Tensor:
    """The weight that a layer computes with, detached. No power iteration is made and nothing is changed."""
    normalisers = normalisers_of(layer)
    modes = [normaliser.training for normaliser in normalisers]
    try:
        for normaliser in normalisers:
            normaliser.eval()
        return layer.weight.detach()
    finally:
        for normaliser, training in zip(normalisers, modes, strict=True):
            normaliser.train(training)


@torch.no_grad()
def weight_matrix(layer: Any) -> Tensor:
    """:func:`effective_weight` as a matrix (d_out, d_in * h * w), float64."""
    weight = effective_weight(layer)
    return (weight.transpose(0, 1) if is_transposed(layer) else weight).flatten(1).double()


@torch.no_grad()
def spectral_norms(net: nn.Module) -> dict[str, float]:
    """Layer name -> largest singular value of the weight that the layer computes with; nothing is changed.

    Computed from the smaller Gram matrix in float64, which agrees with an SVD to about 1e-8. A weight with non-finite
    entries gives NaN.
    """
    norms = {}
    for name, layer in weighted_layers(net):
        matrix = weight_matrix(layer)
        if not bool(torch.isfinite(matrix).all()):
            norms[name] = float("nan")
            continue
        gram = matrix @ matrix.t() if matrix.shape[0] <= matrix.shape[1] else matrix.t() @ matrix
        norms[name] = float(torch.linalg.eigvalsh(gram)[-1].clamp_min(0).sqrt())
    return norms


@torch.no_grad()
def clip_weights(net: nn.Module, limit: float, only_convolutions: bool = False) -> None:
    """Clip the trained parameters of ``net`` to [-limit, limit], in place.

    only_convolutions: the weights of convolutions only, as Miyato et al. 2018 (section 4.1) describe it; otherwise all
    parameters, biases included, as in the code of Arjovsky et al. 2017.
    """
    if only_convolutions:
        clipped = [original_weight(layer) for _, layer in weighted_layers(net) if not isinstance(layer, nn.Linear)]
    else:
        clipped = [parameter for parameter in net.parameters() if parameter.requires_grad]
    for parameter in clipped:
        parameter.clamp_(-limit, limit)
