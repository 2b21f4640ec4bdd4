"""Singular values of trained weights: kept singular vectors for a penalty, and clipping by an SVD."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sngan_repro.nets.precision import full_precision
from sngan_repro.nets.weights import is_transposed, original_weight, weighted_layers

BURN_IN = 15
"""Power iterations at the start, so that the first singular values are not too small."""


def trained_matrix(layer: nn.Module) -> Tensor:
    """The trained weight of a layer, before any normaliser, as a matrix (d_out, d_in * h * w), float32 or more."""
    weight = full_precision(original_weight(layer))
    return (weight.transpose(0, 1) if is_transposed(layer) else weight).flatten(1)


class SingularVectors(nn.Module):
    """The first left and right singular vectors of a weight, improved by a power iteration per training forward."""

    u: Tensor
    v: Tensor

    def __init__(self, matrix: Tensor) -> None:
        """matrix: (d_out, d). u is drawn from torch's global generator; then come BURN_IN power iterations."""
        super().__init__()
        self.register_buffer("u", F.normalize(torch.randn(matrix.shape[0]), dim=0).to(matrix))
        self.register_buffer("v", torch.zeros_like(matrix[0]))
        for _ in range(BURN_IN):
            self._iterate(matrix.detach())

    def forward(self, matrix: Tensor) -> Tensor:
        """u^T W v, a scalar, the estimate of the largest singular value; u and v are constants."""
        if self.training:
            self._iterate(matrix.detach())
        return torch.dot(self.u.clone(), torch.mv(matrix, self.v.clone()))

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        self.v.copy_(F.normalize(torch.mv(matrix.t(), self.u), dim=0))
        self.u.copy_(F.normalize(torch.mv(matrix, self.v), dim=0))


def keep_singular_vectors(net: nn.Module) -> None:
    """Give every convolution and dense layer of ``net`` a :class:`SingularVectors`, part of its state dict."""
    for _, layer in weighted_layers(net):
        layer.singular_vectors = SingularVectors(trained_matrix(layer).detach())


def estimated_spectral_norms(net: nn.Module) -> list[Tensor]:
    """The largest singular value of each trained weight, scalars, differentiable by the weights.

    Each call in training mode makes one power iteration per layer. Needs :func:`keep_singular_vectors`.
    """
    return [layer.singular_vectors(trained_matrix(layer)) for _, layer in weighted_layers(net)]


@torch.no_grad()
def clip_singular_values(net: nn.Module, limit: float = 1.0) -> None:
    """Set the singular values of all trained weights that are above ``limit`` to it, in place (Saito et al. 2017).

    The weight of a convolution is the matrix (d_out, d_in * h * w). Computed by an SVD, which synchronises with a GPU.
    """
    for _, layer in weighted_layers(net):
        matrix = trained_matrix(layer)
        u, values, vt = torch.linalg.svd(matrix, full_matrices=False)  # (d_out, r), (r,), (r, d)
        clipped = (u * values.clamp_max(limit)) @ vt
        weight = original_weight(layer)
        rows_first = weight.transpose(0, 1) if is_transposed(layer) else weight
        rows_first.copy_(clipped.view(rows_first.shape))
