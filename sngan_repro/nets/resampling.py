"""Changes of resolution: upsampling, and 3x3 convolutions that are one operation with the change beside them.

A 3x3 convolution of maps that were upsampled (nearest) has equal neighbours in each window. So it is a transposed
convolution 4x4 with stride 2 of the small maps. The mean of 2x2 outputs of a 3x3 convolution is a convolution 4x4 with
stride 2. Both have 16 products instead of 36 for four pixels, and no maps of the other size are kept in memory. The
values are the same up to rounding, also at the borders. The trained weight stays the 3x3 one.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def upsample(x: Tensor, mode: str) -> Tensor:
    """(N, C, H, W) -> (N, C, 2 H, 2 W). mode: nearest or bilinear (corners not aligned)."""
    return F.interpolate(x, scale_factor=2, mode=mode, align_corners=None if mode == "nearest" else False)


def summed_kernel(weight: Tensor) -> Tensor:
    """(c_out, c_in, 3, 3) -> (c_out, c_in, 4, 4): the sum of the kernel at the four places of a 2x2 window."""
    rows = F.pad(weight, (0, 0, 0, 1)) + F.pad(weight, (0, 0, 1, 0))  # (c_out, c_in, 4, 3)
    return F.pad(rows, (0, 1)) + F.pad(rows, (1, 0))  # (c_out, c_in, 4, 4)


class _Conv3(nn.Conv2d):
    """The parameters of a 3x3 convolution with padding 1."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)


class UpsamplingConv2d(_Conv3):
    """Nearest upsampling by 2, then a 3x3 convolution with padding 1."""

    listed_as = "upsampling × 2, nearest, and convolution 3 × 3"

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, H, W) -> (N, c_out, 2 H, 2 W)."""
        kernel = summed_kernel(self.weight).flip(2, 3).transpose(0, 1)  # (c_in, c_out, 4, 4)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class PoolingConv2d(_Conv3):
    """A 3x3 convolution with padding 1, then average pooling by 2, of maps with even sides."""

    listed_as = "convolution 3 × 3 and average pooling 2"

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, H, W) -> (N, c_out, H / 2, W / 2)."""
        return F.conv2d(x, summed_kernel(self.weight) / 4, self.bias, stride=2, padding=1)
