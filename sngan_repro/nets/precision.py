"""Types of tensors under autocast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.core.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def autocast_dtype(tensor: Tensor) -> torch.dtype:
    """The type that autocast computes with on the tensor's device now; the tensor's own where autocast is off."""
    device = tensor.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tensor.dtype


def full_precision(tensor: Tensor) -> Tensor:
    """The tensor in float32 if it has a shorter type; a float32 or float64 tensor as it is."""
    # By its size: a look at `torch` here, which is imported late, would cut the code of torch.compile in two.
    return tensor.float() if tensor.is_floating_point() and tensor.element_size() < 4 else tensor
