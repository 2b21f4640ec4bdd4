"""Weight normalisers as parametrizations (``torch.nn.utils.parametrize``): each maps a weight W to the weight used.

They see W as a matrix (d_out, d): one row per output channel. The layer keeps its own W as
``parametrizations.weight.original``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

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
        normalised = self.normalised_matrix(weight)  # (d_out, d)
        if self.gain is not None:
            with torch.autocast(weight.device.type, enabled=False):
                normalised = normalised * self.gain.to(normalised.dtype)
        rows_first = weight.transpose(0, 1) if self.transposed else weight
        d_out, d_in, *kernel = rows_first.shape
        normalised = normalised.view(d_out, *kernel, d_in).movedim(-1, 1)  # (d_out, d_in, h, w)
        return normalised.transpose(0, 1) if self.transposed else normalised

    def normalised_matrix(self, weight: Tensor) -> Tensor:
        """W -> the normalised weight as a matrix (d_out, d), without the gain."""
        dtype = autocast_dtype(weight)
        with torch.autocast(weight.device.type, enabled=False):
            return self.normalise(self.matrix(weight), dtype)

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
