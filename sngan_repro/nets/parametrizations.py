"""Weight normalisers as parametrizations (``torch.nn.utils.parametrize``): each maps a weight W to the weight used.

They see W as a matrix (d_out, d): one row per output channel. The layer keeps its own W as
``parametrizations.weight.original``.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sngan_repro.nets.precision import autocast_dtype


class WeightNormaliser(nn.Module):
    """Base: views a weight as a matrix, calls :meth:`normalise`, and gives the result the weight's shape.

    transposed: True for a transposed convolution, whose weight is stored as (d_in, d_out, h, w). The matrix of a
    convolution is (d_out, h * w * d_in): the columns of the paper's (d_out, d_in * h * w) in another order, which
    changes neither singular values nor norms, and a view of a channels-last weight.

    gain: True to multiply the normalised weight by trained gains, one per layer, or one per row where the normaliser
    works by rows (Miyato et al. 2018, appendix E). They start where the weight used is the initial weight.
    """

    def __init__(self, transposed: bool = False, gain: bool = False) -> None:
        super().__init__()
        self.transposed = transposed
        self.gain = nn.Parameter(torch.ones(())) if gain else None

    def matrix(self, weight: Tensor) -> Tensor:
        """(d_out, d_in, ...) -> (d_out, d)."""
        rows_first = weight.transpose(0, 1) if self.transposed else weight  # (d_out, d_in, h, w)
        return rows_first.movedim(1, -1).flatten(1)  # (d_out, h * w * d_in)

    def forward(self, weight: Tensor) -> Tensor:
        """W -> the normalised weight, same shape; computed in float32, returned in the type of autocast."""
        dtype = autocast_dtype(weight)
        with torch.autocast(weight.device.type, enabled=False):
            normalised = self.normalise(self.matrix(weight), dtype)  # (d_out, d)
            if self.gain is not None:
                normalised = normalised * self.gain.to(normalised.dtype)
        rows_first = weight.transpose(0, 1) if self.transposed else weight
        d_out, d_in, *kernel = rows_first.shape
        normalised = normalised.view(d_out, *kernel, d_in).movedim(-1, 1)  # (d_out, d_in, h, w)
        return normalised.transpose(0, 1) if self.transposed else normalised

    def normalise(self, matrix: Tensor, dtype: torch.dtype) -> Tensor:
        """(d_out, d) float32 -> (d_out, d) of type ``dtype``."""
        raise NotImplementedError

    def reset(self, weight: Tensor) -> None:
        """Start the normaliser's own state from a freshly initialised weight. Draws from torch's global generator."""
        if self.gain is not None:
            self.gain = nn.Parameter(self.divisor(self.matrix(weight.detach())))

    def divisor(self, matrix: Tensor) -> Tensor:
        """What the matrix (d_out, d) is divided by: a scalar, or one number per row, (d_out, 1)."""
        raise NotImplementedError


class FrobeniusNorm(WeightNormaliser):
    """W / |W|_F (Miyato et al. 2018, section 3 and appendix D)."""

    def divisor(self, matrix: Tensor) -> Tensor:
        return torch.linalg.vector_norm(matrix)

    def normalise(self, matrix: Tensor, dtype: torch.dtype) -> Tensor:
        return (matrix / self.divisor(matrix)).to(dtype)


class WeightNorm(WeightNormaliser):
    """Each row of W divided by its Euclidean norm; the gain is fixed at 1 (Miyato et al. 2018, footnote 8)."""

    def divisor(self, matrix: Tensor) -> Tensor:
        return torch.linalg.vector_norm(matrix, dim=1, keepdim=True)

    def normalise(self, matrix: Tensor, dtype: torch.dtype) -> Tensor:
        return (matrix / self.divisor(matrix)).to(dtype)


class SpectralNorm(WeightNormaliser):
    """K W / sigma(W): the largest singular value becomes K (Miyato et al. 2018, Algorithm 1, where K = 1).

    sigma is estimated by power iterations from a persistent u, ``num_iterations`` in each training forward. u and v
    are constants for differentiation; sigma = u^T W v is differentiated through W. In evaluation mode u and v do not
    change. The power iteration runs in float32 also under autocast, since W^T u sums thousands of products.
    """

    uv: Tensor
    """u and v one after the other, (d_out + d,)"""
    BURN_IN = 15
    """Iterations after the initialisation, so that the first sigma is not too small."""

    def __init__(
        self, transposed: bool = False, num_iterations: int = 1, target: float = 1.0, gain: bool = False
    ) -> None:
        """num_iterations: at least 1. target: K, greater than 0."""
        super().__init__(transposed, gain)
        self.num_iterations, self.target = num_iterations, target
        self.num_rows = 0

    def reset(self, weight: Tensor, num_iterations: int = BURN_IN) -> None:
        """Draw u from torch's global generator and make ``num_iterations`` power iterations."""
        super().reset(weight)
        matrix = self.matrix(weight.detach())
        self.num_rows = matrix.shape[0]
        u = F.normalize(torch.randn(matrix.shape[0]), dim=0).to(matrix)
        self.register_buffer("uv", torch.cat([u, torch.zeros_like(matrix[0])]))
        for _ in range(num_iterations):
            self._iterate(matrix)

    def divisor(self, matrix: Tensor) -> Tensor:
        """The largest singular value itself, by an SVD, over K."""
        return torch.linalg.matrix_norm(matrix, 2) / self.target

    @property
    def u(self) -> Tensor:
        """The estimate of the first left singular vector, (d_out,)."""
        return self.uv[: self.num_rows]

    @property
    def v(self) -> Tensor:
        """The estimate of the first right singular vector, (d,)."""
        return self.uv[self.num_rows :]

    def normalise(self, matrix: Tensor, dtype: torch.dtype) -> Tensor:
        if self.training:
            for _ in range(self.num_iterations):
                u, v, sigma = self._iterate(matrix.detach())
        else:
            u, v = self.u.clone(), self.v.clone()
            sigma = torch.dot(u, torch.mv(matrix.detach(), v))
        return _DivideBySpectralNorm.apply(matrix, u, v, sigma, self.target, dtype)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One power iteration: (u, v, sigma); u and v are kept in ``uv`` too.

        The next iteration does not change the returned tensors, so the backward pass of this forward may run after it.
        """
        new = torch.empty_like(self.uv)
        u, v = new.split(matrix.shape)
        torch.mv(matrix.t(), self.uv[: matrix.shape[0]], out=v)
        v /= torch.linalg.vector_norm(v)
        torch.mv(matrix, v, out=u)
        sigma = torch.linalg.vector_norm(u)  # u^T W v of the normalised u
        u /= sigma
        self.uv.copy_(new)
        return u, v, sigma


class _DivideBySpectralNorm(Function):
    """(W, u, v, sigma, K) -> K W / sigma, where sigma = u^T W v, u and v constants (Miyato et al. 2018, eq. 11-12).

    With G the gradient by K W / sigma: dL/dW = K (G - <G, W> / sigma u v^T) / sigma. W, G: (d_out, d), u: (d_out,),
    v: (d,). W, u, v, sigma are float32; the quotient is rounded to ``dtype``.
    """

    @staticmethod
    def forward(
        ctx: Any, matrix: Tensor, u: Tensor, v: Tensor, sigma: Tensor, target: float, dtype: torch.dtype
    ) -> Tensor:
        ctx.save_for_backward(matrix, u, v, sigma)
        ctx.target = target
        divisor = sigma if target == 1 else sigma / target
        return torch.div(matrix, divisor, out=torch.empty(matrix.shape, dtype=dtype, device=matrix.device))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        matrix, u, v, sigma = ctx.saved_tensors
        gradient = gradients[0].to(matrix.dtype)
        along = torch.dot(gradient.reshape(-1), matrix.reshape(-1)) / sigma
        divisor = sigma if ctx.target == 1 else sigma / ctx.target
        return torch.addr(gradient, u * along, v, alpha=-1).div_(divisor), None, None, None, None, None
