"""Spectral normalisation, the normalisers of D's activations, and the measurement of spectral norms."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sngan_repro.nets.convolution import Conv2d, autocast_dtype


class _DivideBySpectralNorm(Function):
    """(W, u, v, sigma) -> W / sigma, where sigma = u^T W v, u and v constants (Miyato et al. 2018, eq. 11-12).

    With G the gradient by W / sigma: dL/dW = (G - <G, W> / sigma u v^T) / sigma. W, G: (d_out, d), u: (d_out,), v: (d,)
    W, u, v, sigma are float32; the quotient is rounded to ``dtype``.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, u: Tensor, v: Tensor, sigma: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(matrix, u, v, sigma)
        return torch.div(matrix, sigma, out=torch.empty(matrix.shape, dtype=dtype, device=matrix.device))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        matrix, u, v, sigma = ctx.saved_tensors
        gradient = gradients[0].to(matrix.dtype)
        along = torch.dot(gradient.reshape(-1), matrix.reshape(-1)) / sigma
        return torch.addr(gradient, u * along, v, alpha=-1).div_(sigma), None, None, None, None


class SpectralNormalised(nn.Module):
    """Mixin for a layer with a ``weight``: the layer computes with W / sigma(W).

    sigma is the largest singular value of the weight as a matrix (d_out, d_in * h * w), estimated by one power
    iteration per training forward from a persistent u (Miyato et al. 2018, Algorithm 1). u and v are constants for
    differentiation; sigma = u^T W v is differentiated through W. In evaluation mode u and v are frozen. The power
    iteration runs in float32 also under autocast, since W^T u sums thousands of products.
    """

    weight: Any
    uv: Tensor
    """u and v one after the other, (d_out + d,)."""

    @property
    def u(self) -> Tensor:
        """The estimate of the first left singular vector, (d_out,)."""
        return self.uv[: self.weight.shape[0]]

    @property
    def v(self) -> Tensor:
        """The estimate of the first right singular vector, (d,)."""
        return self.uv[self.weight.shape[0] :]

    def reset_power_iteration(self, num_iterations: int = 15) -> None:
        """Draw u afresh and burn in, so that the first sigma is not an under-estimate. Call after initialising W."""
        matrix = _as_matrix(self.weight.detach())
        u = F.normalize(torch.randn(matrix.shape[0]), dim=0)
        self.register_buffer("uv", torch.cat([u, torch.zeros(matrix.shape[1])]))
        for _ in range(num_iterations):
            self._iterate(matrix)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One power iteration: (u, v, sigma), u and v kept in ``uv`` too.

        The returned ones are not touched by the next iteration, so that this graph's backward may run after it.
        """
        new = torch.empty_like(self.uv)
        u, v = new.split(matrix.shape)
        torch.mv(matrix.t(), self.u, out=v)
        v /= torch.linalg.vector_norm(v)
        torch.mv(matrix, v, out=u)
        sigma = torch.linalg.vector_norm(u)  # u^T W v of the normalised u
        u /= sigma
        self.uv.copy_(new)
        return u, v, sigma

    def normalised_weight(self, advance: bool) -> Tensor:
        """W / sigma, same shape as W, in the type of autocast. ``advance``: make a power iteration first."""
        dtype = autocast_dtype(self.weight)
        with torch.autocast(self.weight.device.type, enabled=False):
            matrix = _as_matrix(self.weight)  # (d_out, h * w * d_in)
            if advance:
                u, v, sigma = self._iterate(matrix.detach())
            else:
                u, v = self.u.clone(), self.v.clone()
                sigma = torch.dot(u, torch.mv(matrix.detach(), v))
            normalised = _DivideBySpectralNorm.apply(matrix, u, v, sigma, dtype)
            if self.weight.dim() == 2:
                return normalised
            d_out, d_in, height, width = self.weight.shape
            return normalised.view(d_out, height, width, d_in).permute(0, 3, 1, 2)


def _as_matrix(weight: Tensor) -> Tensor:
    """A weight as (d_out, h * w * d_in): a view of a channels-last kernel, whose singular values are those of the
    paper's (d_out, d_in * h * w), since the order of columns does not matter."""
    return (weight if weight.dim() == 2 else weight.permute(0, 2, 3, 1)).flatten(1)


class SNConv2d(SpectralNormalised, Conv2d):
    """A spectrally normalised convolution."""

    def forward(self, x: Tensor) -> Tensor:
        return self.convolve(x, self.normalised_weight(advance=self.training))


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

    Weights are matrices (d_out, d_in * h * w); transposed convolutions, stored (d_in, d_out, h, w), are permuted
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
