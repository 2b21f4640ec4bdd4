"""Spectral normalisation: of one weight, and of all weights of a network together, in fewer kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.utils import parametrize

from sngan_repro.nets.parametrizations import WeightNormaliser
from sngan_repro.nets.power_iteration import Segments, Vectors, kept_vectors, power_iteration
from sngan_repro.nets.precision import autocast_dtype


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
        self.ready: Tensor | None = None
        """The normalised matrix of the pass that runs, made by :class:`SpectralNorms`; used once."""

    def reset(self, weight: Tensor, num_iterations: int = BURN_IN) -> None:
        """Draw u from torch's global generator and make ``num_iterations`` power iterations."""
        super().reset(weight)
        matrix = self.matrix(weight.detach())
        self.num_rows = matrix.shape[0]
        u = F.normalize(torch.randn(matrix.shape[0]), dim=0).to(matrix)
        self.register_buffer("uv", torch.cat([u, torch.zeros_like(matrix[0])]))
        for _ in range(num_iterations):
            power_iteration([matrix], [self.uv], Segments([matrix]))

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

    def normalised_matrix(self, weight: Tensor) -> Tensor:
        ready, self.ready = self.ready, None
        return super().normalised_matrix(weight) if ready is None else ready

    def normalise(self, matrix: Tensor, dtype: torch.dtype) -> Tensor:
        return normalise_together([self], [matrix], Segments([matrix]), dtype)[0]


def normalise_together(
    normalisers: Sequence[SpectralNorm], matrices: Sequence[Tensor], segments: Segments, dtype: torch.dtype
) -> tuple[Tensor, ...]:
    """The normalised matrices of L weights, each (d_out, d) of type ``dtype``; in training mode after their power
    iterations. The normalisers have the same mode, number of iterations and target."""
    first, uvs = normalisers[0], [normaliser.uv for normaliser in normalisers]
    detached = [matrix.detach() for matrix in matrices]
    if first.training:
        for _ in range(first.num_iterations):
            vectors = power_iteration(detached, uvs, segments)
    else:
        vectors = kept_vectors(detached, uvs, segments)
    return _DivideBySpectralNorm.apply(vectors, segments, first.target, dtype, *matrices)


class _DivideBySpectralNorm(Function):
    """W -> K W / sigma for L weights, where sigma = u^T W v, u and v constants (Miyato et al. 2018, eq. 11-12).

    With G the gradient by K W / sigma: dL/dW = K (G - <G, W> / sigma u v^T) / sigma. W, G: (d_out, d), u: (d_out,),
    v: (d,). W, u, v, sigma are float32; the quotient is rounded to ``dtype``.
    """

    @staticmethod
    def forward(
        ctx: Any, vectors: Vectors, segments: Segments, target: float, dtype: torch.dtype, *matrices: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*vectors, *matrices)
        ctx.segments, ctx.target = segments, target
        ctx.set_materialize_grads(False)
        divisors = (vectors.sigma if target == 1 else vectors.sigma / target).unbind()
        return tuple(
            torch.div(matrix, divisor, out=torch.empty(matrix.shape, dtype=dtype, device=matrix.device))
            for matrix, divisor in zip(matrices, divisors, strict=True)
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        uv, sigma, *matrices = ctx.saved_tensors
        segments: Segments = ctx.segments
        # None for a weight that the loss does not depend on.
        found = [None if each is None else each.to(matrices[0].dtype) for each in gradients]
        products = [
            sigma.new_zeros(()) if each is None else torch.dot(each.reshape(-1), matrix.reshape(-1))
            for each, matrix in zip(found, matrices, strict=True)
        ]
        along = segments.split(uv * segments.spread(torch.stack(products) / sigma))
        divisors = (sigma if ctx.target == 1 else sigma / ctx.target).unbind()
        by_weight = [
            None if each is None else torch.addr(each, u, v, alpha=-1).div_(divisor)
            for each, (u, _), (_, v), divisor in zip(found, along, segments.split(uv), divisors, strict=True)
        ]
        return None, None, None, None, *by_weight


class SpectralNorms:
    """Normalises all spectrally normalised weights of a network before each of its training passes.

    It is the same computation as layer by layer in fewer kernels: vectors of all layers are divided and copied
    together. A layer that is used outside of a pass of the network, or twice in one, normalises its weight
    itself. So each use of a layer makes its power iterations, as without this class. A layer that a pass does not use
    makes them too.
    """

    def __init__(self, net: nn.Module, layers: Sequence[Any]) -> None:
        """layers: those of ``net`` with a SpectralNorm, all with the same options. The pass of ``net`` gets hooks."""
        self._layers = list(layers)
        self._segments: dict[torch.device, Segments] = {}  # a network may move to another device
        self._hooks = [
            net.register_forward_pre_hook(self._before_pass),
            net.register_forward_hook(self._after_pass, always_call=True),
        ]

    def remove(self) -> None:
        """Take the hooks away: each layer normalises its own weight again."""
        for hook in self._hooks:
            hook.remove()

    def normalise(self) -> None:
        """Make ``ready`` of all normalisers. Nothing is done if one was removed or is in evaluation mode."""
        pairs = [(normaliser, weight) for normaliser, weight in self._found() if normaliser.training]
        if len(pairs) != len(self._layers):
            return
        device, dtype = pairs[0][1].device, autocast_dtype(pairs[0][1])
        with torch.autocast(device.type, enabled=False):
            matrices = [normaliser.matrix(weight) for normaliser, weight in pairs]
            if device not in self._segments:
                self._segments[device] = Segments(matrices)
            normalisers = [normaliser for normaliser, _ in pairs]
            found = normalise_together(normalisers, matrices, self._segments[device], dtype)
        for normaliser, matrix in zip(normalisers, found, strict=True):
            normaliser.ready = matrix

    def _before_pass(self, net: nn.Module, given: Any) -> None:
        self.normalise()

    def _after_pass(self, net: nn.Module, given: Any, output: Any) -> None:
        for normaliser, _ in self._found():
            normaliser.ready = None

    def _found(self) -> list[tuple[SpectralNorm, Tensor]]:
        """The normalisers and the weights before them; a layer whose normaliser was removed has none."""
        return [
            (normaliser, layer.parametrizations.weight.original)
            for layer in self._layers
            if parametrize.is_parametrized(layer, "weight")
            for normaliser in layer.parametrizations.weight
            if isinstance(normaliser, SpectralNorm)
        ]
