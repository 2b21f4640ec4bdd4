"""Power iterations of one or several weights together: estimates of the first singular vectors and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

ALIGNMENT = 16
"""Numbers: 64 bytes of float32, the longest vector register and a line of the cache."""


class Vectors(NamedTuple):
    """u, v and sigma of L weights, each a matrix (d_out, d). :class:`Segments` says where each has its part."""

    uv: Tensor
    """(segments.size,)"""
    sigma: Tensor
    """(L,): u^T W v of each weight"""


class Segments:
    """Where each of L weights has its part of ``Vectors.uv``: its u, its v, and numbers that nothing reads.

    Each part starts at a multiple of ALIGNMENT numbers. So a product rounds alike whichever weights are beside it:
    on a CPU the order of its sums depends on where a vector starts in memory.
    """

    def __init__(self, matrices: Sequence[Tensor]) -> None:
        """matrices: each (d_out, d), on one device."""
        self.shapes = [(matrix.shape[0], matrix.shape[1]) for matrix in matrices]
        self._sizes = [-(-(d_out + d) // ALIGNMENT) * ALIGNMENT for d_out, d in self.shapes]
        self.size = sum(self._sizes)
        if len(matrices) > 1:  # made on the device: nothing is copied from or to Python
            of_all, of_u = [], []  # (numbers, which number of `spread` or `divide_u`) in their order
            for index, (size, (d_out, _)) in enumerate(zip(self._sizes, self.shapes, strict=True)):
                of_all += [(size, index)]
                of_u += [(d_out, index), (size - d_out, len(matrices))]
            self._parts, self._u_parts = (
                torch.cat([matrices[0].new_full((count,), index, dtype=torch.int64) for count, index in runs])
                for runs in (of_all, of_u)
            )
            self._one = matrices[0].new_ones(())

    def split(self, uv: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(size,) -> u (d_out,) and v (d,) of each weight, views."""
        parts = zip(uv.split(self._sizes), self.shapes, strict=True)
        return [(part[:d_out], part[d_out : d_out + d]) for part, (d_out, d) in parts]

    def both(self, uv: Tensor) -> list[Tensor]:
        """(size,) -> u and v of each weight one after the other, (d_out + d,), views."""
        return [part[: sum(shape)] for part, shape in zip(uv.split(self._sizes), self.shapes, strict=True)]

    def spread(self, numbers: Tensor) -> Tensor:
        """(L,) -> (size,): the number of each weight at the places of its u and v."""
        return numbers.index_select(0, self._parts) if len(self.shapes) > 1 else numbers

    def divide_u(self, uv: Tensor, numbers: Sequence[Tensor]) -> Tensor:
        """Divide the u of each weight by its number, a scalar, in place. Returns the numbers, (L,)."""
        if len(self.shapes) == 1:
            self.split(uv)[0][0].div_(numbers[0])
            return numbers[0].view(1)
        divisors = torch.stack([*numbers, self._one])
        uv /= divisors.index_select(0, self._u_parts)
        return divisors[:-1]


@torch.no_grad()
def power_iteration(matrices: Sequence[Tensor], uvs: Sequence[Tensor], segments: Segments) -> Vectors:
    """One power iteration for each of L matrices (d_out, d); u and v are kept in ``uvs`` too, each (d_out + d,).

    The next iteration does not change the returned tensors, so the backward pass of this forward may run after it.
    """
    new = uvs[0].new_empty(segments.size)
    pairs = segments.split(new)
    for matrix, uv, (_, v) in zip(matrices, uvs, pairs, strict=True):
        torch.mv(matrix.t(), uv[: len(matrix)], out=v)
    new /= segments.spread(torch.stack(torch._foreach_norm([v for _, v in pairs])))  # all u are still to be computed
    for matrix, (u, v) in zip(matrices, pairs, strict=True):
        torch.mv(matrix, v, out=u)
    sigma = segments.divide_u(new, torch._foreach_norm([u for u, _ in pairs]))  # u^T W v of the normalised u
    torch._foreach_copy_(list(uvs), segments.both(new))
    return Vectors(new, sigma)


@torch.no_grad()
def kept_vectors(matrices: Sequence[Tensor], uvs: Sequence[Tensor], segments: Segments) -> Vectors:
    """u and v as they are in ``uvs``, and sigma by them."""
    kept = uvs[0].new_empty(segments.size)
    torch._foreach_copy_(segments.both(kept), list(uvs))
    pairs = zip(matrices, segments.split(kept), strict=True)
    return Vectors(kept, torch.stack([torch.dot(u, torch.mv(matrix, v)) for matrix, (u, v) in pairs]))
