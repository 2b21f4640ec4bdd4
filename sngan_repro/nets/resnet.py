"""The residual networks of the SNGAN paper (Miyato et al. 2018, Tables 4-6), for images of 32, 48, 64 and 128 pixels.

Those of 64 pixels, of which the paper has no table, are the ones of mimicry (github.com/kwotsin/mimicry).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from sngan_repro.nets.conditional import LabelledDiscriminator, apply, generator_norm, sum_pool
from sngan_repro.nets.interface import DOutput, ImageSpec
from sngan_repro.nets.precision import full_precision
from sngan_repro.nets.resampling import PoolingConv2d, UpsamplingConv2d, upsample

Norm = Callable[[int], nn.Module]


class Plan(NamedTuple):
    """The blocks for one image size; channels are multiples of the width nearest to the image."""

    innermost: int
    """Size of G's innermost maps."""
    g: tuple[int, ...]
    """Channels of G's maps, from the innermost outwards; each block doubles the size."""
    d: tuple[int, ...]
    """Channels that D's blocks put out, from the image inwards."""
    num_down: int
    """Of D's blocks, the first so many halve the size."""
    labels_after: int
    """Hidden concatenation of the label is after this block of D."""
    scale_g: int = 1
    """Width of G nearest to the image, at ``width`` 1."""
    scale_d: int = 1


PLANS = {
    32: Plan(4, (1, 1, 1, 1), (1, 1, 1, 1), 2, 2, scale_g=4, scale_d=2),
    48: Plan(6, (8, 4, 2, 1), (1, 2, 4, 8, 16), 4, 3),
    64: Plan(4, (16, 8, 4, 2, 1), (1, 2, 4, 8, 16), 5, 3),
    128: Plan(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5, 3),
}
"""Image size in pixels -> plan. With a width of 64 these are the channels of the paper."""


PLAIN = partial(nn.Conv2d, kernel_size=3, padding=1)


def _conv3(
    in_channels: int, out_channels: int, gain: float, kind: Callable[[int, int], nn.Conv2d] = PLAIN
) -> nn.Conv2d:
    """A 3x3 convolution. gain: of its initial weight. kind: its class, which may change the size, too."""
    conv = kind(in_channels, out_channels)
    conv.init_gain = gain  # type: ignore[assignment]  # read by nets.gains
    return conv


class GeneratorBlock(nn.Module):
    """norm, ReLU, upsampling, convolution 3x3, norm, ReLU, convolution 3x3; beside it a 1x1 convolution, upsampled."""

    def __init__(self, in_channels: int, out_channels: int, mode: str, num_classes: int | None, gain: float) -> None:
        super().__init__()
        self.mode = mode
        self.norm1, self.norm2 = generator_norm(in_channels, num_classes), generator_norm(out_channels, num_classes)
        self.conv1 = _conv3(in_channels, out_channels, gain, UpsamplingConv2d if mode == "nearest" else PLAIN)
        self.conv2 = _conv3(out_channels, out_channels, gain)
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, 2 H, 2 W)."""
        hidden = F.relu(apply(self.norm1, x, labels))  # (N, C_in, H, W)
        if self.mode != "nearest":
            hidden = upsample(hidden, self.mode)  # (N, C_in, 2 H, 2 W)
        hidden = self.conv1(hidden)  # (N, C_out, 2 H, 2 W)
        hidden = self.conv2(F.relu(apply(self.norm2, hidden, labels)))  # (N, C_out, 2 H, 2 W)
        # The paper upsamples first. The order changes no value, since the weights of upsampling sum to 1.
        return hidden + upsample(self.shortcut(x), self.mode)


class ResNetGenerator(nn.Module):
    """z -> dense -> blocks -> batch norm, ReLU, convolution 3x3, tanh. The last batch norm has no classes."""

    def __init__(self, z_dim: int, image: ImageSpec, width: int, mode: str = "nearest", gain: float = 1.0) -> None:
        """width: channels nearest to the image. mode: of upsampling. gain: of the blocks' 3x3 layers at the start."""
        super().__init__()
        plan = PLANS[image.size]
        channels = [width * multiple for multiple in plan.g]
        self.dense = nn.Linear(z_dim, channels[0] * plan.innermost**2)
        self.unflatten = nn.Unflatten(1, (channels[0], plan.innermost, plan.innermost))
        self.blocks = nn.ModuleList(
            GeneratorBlock(before, after, mode, image.num_classes, gain) for before, after in pairwise(channels)
        )
        self.norm = nn.BatchNorm2d(channels[-1])
        self.to_image = nn.Conv2d(channels[-1], image.channels, 3, 1, 1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in (-1, 1) of latents (N, z_dim). labels: see ConditionalBatchNorm2d."""
        x = self.unflatten(self.dense(z))  # (N, C_inner, s, s)
        for block in self.blocks:
            x = block(x, labels)  # (N, C_block, 2 s, 2 s)
        x = F.relu(self.norm(x))  # (N, width, H, W)
        return full_precision(self.to_image(x)).tanh()  # (N, C, H, W), float32 in (-1, 1)


class DiscriminatorBlock(nn.Module):
    """ReLU, convolution 3x3, ReLU, convolution 3x3, average pooling; beside it a 1x1 convolution and the same pooling.

    The first block of D has no ReLU in front. Without pooling and with equal numbers of channels, the other way is the
    identity. norm: a normaliser in front of each ReLU.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        down: bool,
        gain: float,
        first: bool = False,
        norms: tuple[Norm | None, Norm | None] = (None, None),
    ) -> None:
        super().__init__()
        hidden = out_channels if first else in_channels
        self.down, self.first = down, first
        self.norm1 = norms[0](in_channels) if norms[0] and not first else None
        self.conv1 = _conv3(in_channels, hidden, gain)
        self.norm2 = norms[1](hidden) if norms[1] else None
        self.conv2 = _conv3(hidden, out_channels, gain, PoolingConv2d if down else PLAIN)
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1) if down or in_channels != out_channels else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H, W), or (N, C_out, H / 2, W / 2) with pooling."""
        hidden = x if self.first else F.relu(x if self.norm1 is None else self.norm1(x))  # (N, C_in, H, W)
        hidden = self.conv1(hidden)  # (N, C_hidden, H, W)
        hidden = self.conv2(F.relu(hidden if self.norm2 is None else self.norm2(hidden)))  # (N, C_out, H', W')
        # The paper pools the short way before its convolution in the first block and after it in the others, which
        # changes no value: a 1x1 convolution of means is the mean of 1x1 convolutions.
        short = F.avg_pool2d(x, 2) if self.down else x  # (N, C_in, H', W')
        short = short if self.shortcut is None else self.shortcut(short)  # (N, C_out, H', W')
        return hidden + short


class ResNetDiscriminator(LabelledDiscriminator):
    """Blocks -> ReLU -> sum or mean over all positions -> dense to one output."""

    def __init__(
        self,
        image: ImageSpec,
        width: int,
        norm: Norm | None = None,
        norm_first: bool = False,
        num_outputs: int = 1,
        *,
        condition: str | None = None,
        embedding_dim: int = 128,
        pool: str = "sum",
        dense_bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        """width: channels nearest to the image. The others: see the options of the family, and its base class."""
        super().__init__(image, condition, embedding_dim)
        plan = PLANS[image.size]
        self.pool, self.labels_after = pool, plan.labels_after
        blocks, previous = [], self.input_channels
        for index, multiple in enumerate(plan.d):
            norms = (norm, norm if index or norm_first else None)
            blocks.append(
                DiscriminatorBlock(previous, width * multiple, index < plan.num_down, gain, index == 0, norms)
            )
            previous = width * multiple + (self.hidden_channels if index + 1 == plan.labels_after else 0)
        self.blocks = nn.ModuleList(blocks)
        self.norm = norm(previous) if norm else None
        self.add_outputs(previous, num_outputs, dense_bias)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DOutput:
        """Logits (N,) of images (N, C, H, W), float32 also under autocast. labels: int64 (N,), or None."""
        x = self.at_input(images, labels)  # (N, input_channels, H, W)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)  # (N, C_block, H', W')
            if number == self.labels_after:
                x = self.at_hidden(x, labels)  # (N, C_block + hidden_channels, H', W')
        x = F.relu(x if self.norm is None else self.norm(x))  # (N, C_inner, s, s)
        phi = sum_pool(x)  # (N, C_inner)
        if self.pool == "mean":
            phi = phi / (x.shape[2] * x.shape[3])
        return self.outputs(phi, x, labels)
