"""Spectral normalisation, the normalisers of D's activations, and the measurement of spectral norms."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpectralNormalised(nn.Module):
    """Mixin for a layer with a ``weight``: the layer computes with W / sigma(W).

    sigma is the largest singular value of the weight reshaped to (d_out, d_in * h * w), estimated by one power
    iteration per training forward from a persistent u (Miyato et al. 2018, Algorithm 1). u and v are constants for
    differentiation; sigma = u^T W v is differentiated through W. In evaluation mode u and v are frozen. The power
    iteration runs in float32 also under autocast, since W^T u sums thousands of products.
    """

    weight: Any
    u: Tensor
    v: Tensor

    def reset_power_iteration(self, num_iterations: int = 15) -> None:
        """Draw u afresh and burn in, so that the first sigma is not an under-estimate. Call after initialising W."""
        matrix = self.weight.detach().flatten(1)
        self.register_buffer("u", F.normalize(torch.randn(matrix.shape[0]), dim=0))
        self.register_buffer("v", F.normalize(matrix.t() @ self.u, dim=0))
        for _ in range(num_iterations):
            self._iterate(matrix)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        torch.mv(matrix.t(), self.u, out=self.v)
        self.v /= self.v.norm().clamp_min(1e-12)
        torch.mv(matrix, self.v, out=self.u)
        self.u /= self.u.norm().clamp_min(1e-12)

    def normalised_weight(self, advance: bool) -> Tensor:
        """W / sigma, same shape as W. ``advance``: make a power iteration first."""
        with torch.autocast(self.weight.device.type, enabled=False):
            matrix = self.weight.flatten(1)  # (d_out, d_in * h * w)
            if advance:
                self._iterate(matrix.detach())
            # Copies, since the next forward changes the buffers in place before this graph's backward may run.
            sigma = torch.dot(self.u.clone(), torch.mv(matrix, self.v.clone()))
            return self.weight / sigma


class SNConv2d(SpectralNormalised, nn.Conv2d):
    """A spectrally normalised convolution."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.normalised_weight(advance=self.training), self.bias)


class SNLinear(SpectralNormalised, nn.Linear):
    """A spectrally normalised fully connected layer."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.normalised_weight(advance=self.training), self.bias)


def _without_gain(norm: nn.BatchNorm2d | nn.GroupNorm, gain: bool) -> nn.Module:
    """Fix the gain at 1, as the comparisons of the SNGAN paper do in D (section 4.1)."""
    norm.weight.requires_grad_(gain)
    return norm


def batch_norm(channels: int, gain: bool = False) -> nn.Module:
    """Batch norm over batch and positions, per channel."""
    return _without_gain(nn.BatchNorm2d(channels), gain)


def layer_norm(channels: int, gain: bool = False) -> nn.Module:
    """Layer norm over all features of one example: channels and positions (Ba et al. 2016)."""
    return _without_gain(nn.GroupNorm(1, channels), gain)


@torch.no_grad()
def spectral_norms(net: nn.Module) -> dict[str, float]:
    """Layer name -> largest singular value of the weight each layer computes with; nothing is changed.

    Weights are reshaped to (d_out, d_in * h * w); transposed convolutions, stored (d_in, d_out, h, w), are permuted
    first. Computed from the smaller Gram matrix in float64, which agrees with an SVD to about 1e-8. A weight with
    non-finite entries gives NaN.
    """
    norms = {}
    for name, layer in net.named_modules():
        if not isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            continue
        weight = layer.weight
        if isinstance(layer, SpectralNormalised):
            weight = layer.normalised_weight(advance=False)
        if isinstance(layer, nn.ConvTranspose2d):
            weight = weight.transpose(0, 1)
        matrix = weight.detach().flatten(1).double()
        if not bool(torch.isfinite(matrix).all()):
            norms[name] = float("nan")
            continue
        gram = matrix @ matrix.t() if matrix.shape[0] <= matrix.shape[1] else matrix.t() @ matrix
        norms[name] = float(torch.linalg.eigvalsh(gram)[-1].clamp_min(0).sqrt())
    return norms
