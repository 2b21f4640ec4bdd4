"""Convolution and leaky ReLU whose second derivatives cost what they must, for gradient penalties.

The first derivatives are PyTorch's own calls. A gradient penalty differentiates a gradient, and there PyTorch computes
weight gradients as convolutions with kernels as large as the images, and passes a gradient of zeros back through the
whole network, since a leaky ReLU has no curvature. Here a convolution is what it is: three bilinear maps, of which each
is made of the derivatives of the others, so that every order uses the fast kernels and zeros are never computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

aten = torch.ops.aten


class Geometry(NamedTuple):
    """Stride and padding of a convolution, each (vertical, horizontal)."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]


_only_inputs = ContextVar("only_inputs", default=False)


@contextmanager
def only_inputs() -> Iterator[None]:
    """Within the block, gradients flow through a convolution to its input and not to its weight.

    For a gradient by the input that is to be differentiated again: autograd cannot tell that the weight's part of it
    is not wanted. The weight still gets its gradient from the second differentiation.
    """
    token = _only_inputs.set(True)
    try:
        yield
    finally:
        _only_inputs.reset(token)


def _backward(
    gradient: Tensor, x: Tensor, weight: Tensor, bias_sizes: list[int] | None, geometry: Geometry, mask: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    return aten.convolution_backward(
        gradient, x, weight, bias_sizes, geometry.stride, geometry.padding, (1, 1), False, (0, 0), 1, mask
    )


def _unread(shape: torch.Size, like: Tensor) -> Tensor:
    """What is asked for its shape only."""
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


class _Convolve(Function):
    """(x, weight, bias) -> y; x and weight of one type, which may be narrower than the bias's.

    A CPU adds the bias inside the convolution. A GPU does not, so there it is added, and its gradient summed, without
    a change of type.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry, ctx.bias_type = geometry, None if bias is None else bias.dtype
        ctx.only_inputs = _only_inputs.get()
        ctx.set_materialize_grads(False)
        inside = None if bias is None or x.is_cuda else bias.to(x.dtype)
        y = aten.convolution(x, weight, inside, geometry.stride, geometry.padding, (1, 1), False, (0, 0), 1)
        return y if bias is None or inside is not None else y.add_(bias.view(-1, 1, 1))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        if gradient is None:
            return None, None, None, None
        x_needed, weight_needed, bias_needed = ctx.needs_input_grad[:3]
        if ctx.only_inputs:
            weight_needed = bias_needed = False
        for_x, for_weight, for_bias = None, None, None
        if torch.is_grad_enabled():
            for_x = _ToInput.apply(gradient, weight, x.shape, ctx.geometry) if x_needed else None
            for_weight = _ToWeight.apply(gradient, x, weight.shape, ctx.geometry) if weight_needed else None
        elif x_needed or weight_needed:
            inside = bias_needed and not x.is_cuda
            mask = [x_needed, weight_needed, inside]
            for_x, for_weight, for_bias = _backward(gradient, x, weight, [weight.shape[0]], ctx.geometry, mask)
            for_bias = for_bias.to(ctx.bias_type) if inside else None
        if bias_needed and for_bias is None:
            for_bias = gradient.sum((0, 2, 3), dtype=ctx.bias_type)
        return for_x, for_weight, for_bias, None


class _ToInput(Function):
    """(gradient of y, weight) -> gradient of x: bilinear, as the convolution is."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.geometry = geometry
        x = _unread(shape, gradient)
        return _backward(gradient, x, weight, None, geometry, [True, False, False])[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x,), (gradient, weight) = gradients, ctx.saved_tensors
        return (
            _Convolve.apply(x, weight, None, ctx.geometry) if ctx.needs_input_grad[0] else None,
            _ToWeight.apply(gradient, x, weight.shape, ctx.geometry) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


class _ToWeight(Function):
    """(gradient of y, x) -> gradient of the weight: bilinear, as the convolution is."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(gradient, x)
        ctx.geometry = geometry
        weight = _unread(shape, gradient)
        return _backward(gradient, x, weight, None, geometry, [False, True, False])[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (weight,), (gradient, x) = gradients, ctx.saved_tensors
        return (
            _Convolve.apply(x, weight, None, ctx.geometry) if ctx.needs_input_grad[0] else None,
            _ToInput.apply(gradient, weight, x.shape, ctx.geometry) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


def autocast_dtype(tensor: Tensor) -> torch.dtype:
    """The type that autocast computes with on the tensor's device now, or its own where autocast is off."""
    device = tensor.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tensor.dtype


class Conv2d(nn.Conv2d):
    """torch's convolution with cheap second derivatives; square or not, no dilation, no groups, zero padding."""

    def forward(self, x: Tensor) -> Tensor:
        return self.convolve(x, self.weight)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H', W') with ``weight`` in the place of the layer's own."""
        dtype = autocast_dtype(x)  # operators inside a Function would be cast without their gradients
        geometry = Geometry(tuple(self.stride), tuple(self.padding))  # type: ignore[arg-type]
        return _Convolve.apply(x.to(dtype), weight.to(dtype), self.bias, geometry)


class _LeakyReLU(Function):
    """x -> max(x, slope x), in place."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        y = aten.leaky_relu_(x, slope)
        ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        ctx.slope = slope
        ctx.set_materialize_grads(False)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (y,) = ctx.saved_tensors
        if gradients[0] is None:
            return None, None
        return _LeakyReLUGradient.apply(gradients[0], y, ctx.slope), None


class _LeakyReLUGradient(Function):
    """(gradient, y) -> gradient times the slope at y: linear in the gradient, and constant in y almost everywhere."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, y: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(y)
        ctx.slope = slope
        return aten.leaky_relu_backward(gradient, y, slope, True)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (y,) = ctx.saved_tensors
        return _LeakyReLUGradient.apply(gradients[0], y, ctx.slope), None, None


class LeakyReLU(nn.LeakyReLU):
    """Leaky ReLU in place, whose second derivative is nothing rather than zeros. slope: below 0, in (0, 1)."""

    def __init__(self, slope: float) -> None:
        super().__init__(slope, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return _LeakyReLU.apply(x, self.negative_slope)
