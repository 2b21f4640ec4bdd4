"""Class labels in G and D: conditional batch norm, and five ways in which D uses a label.

Ways (NetsSpec.condition_d): the projection of Miyato and Koyama 2018 (arXiv:1802.05637), the label beside the image or
beside an inner map (Mirza and Osindero 2014; Miyato et al. 2018, Table 6), the second output of AC-GAN (Odena et al.
2017), and one output per class and one for generated images (Salimans et al. 2016, section 5).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.interface import DOutput, ImageSpec
from sngan_repro.nets.precision import full_precision


class ClassEmbedding(nn.Linear):
    """A vector per class. It is a dense layer of one-hot labels without bias, so weight normalisers normalise it as
    one matrix (d, num_classes), as Miyato and Koyama's code does, and initialisations start it like a dense layer."""

    def __init__(self, num_classes: int, dim: int) -> None:
        super().__init__(num_classes, dim, bias=False)

    def forward(self, labels: Tensor) -> Tensor:
        """Class indices, int64 (N,) -> (N, dim)."""
        return F.embedding(labels, self.weight.t())  # (N, dim)


class ConditionalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with a gain and a shift per class and channel (Dumoulin et al. 2017); they start at 1 and 0."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__(channels, affine=False)
        self.gains = nn.Parameter(torch.ones(num_classes, channels))
        self.shifts = nn.Parameter(torch.zeros(num_classes, channels))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]
        """Maps (N, C, H, W). labels: int64 (N,), or weights of the classes (N, num_classes) for a mixture of them."""
        normalised = super().forward(x)  # (N, C, H, W)
        gain, shift = (_of_classes(table, labels) for table in (self.gains, self.shifts))  # (N, C)
        return torch.addcmul(shift, normalised, gain)  # (N, C, H, W)


def _of_classes(table: Tensor, labels: Tensor) -> Tensor:
    """Rows of a table (num_classes, C) by labels, or mixtures of its rows: (N, C, 1, 1)."""
    rows = labels.to(table.dtype) @ table if labels.is_floating_point() else F.embedding(labels, table)  # (N, C)
    return rows[:, :, None, None]


def generator_norm(channels: int, num_classes: int | None) -> nn.BatchNorm2d:
    """G's batch norm: conditional where there are classes."""
    return nn.BatchNorm2d(channels) if num_classes is None else ConditionalBatchNorm2d(channels, num_classes)


def apply(layer: nn.Module, x: Tensor, labels: Tensor | None) -> Tensor:
    """``layer(x)``, with the labels where the layer uses them."""
    return layer(x, labels) if isinstance(layer, ConditionalBatchNorm2d) else layer(x)


class LabelledDiscriminator(nn.Module):
    """Base of the discriminators: where labels enter, and the outputs.

    A subclass calls :meth:`add_outputs` last in its constructor; its ``forward`` calls :meth:`at_input` on the images,
    :meth:`at_hidden` on one inner map, and ends with :meth:`outputs`. Without classes the first two do nothing.

    Attributes: ``input_channels``, the channels of the first layer's input; ``hidden_channels``, the channels that
    :meth:`at_hidden` adds.
    """

    def __init__(self, image: ImageSpec, condition: str | None, embedding_dim: int) -> None:
        """condition: a value of NetsSpec.condition_d; None: unconditional. embedding_dim: of the label beside a map."""
        super().__init__()
        assert condition is None or image.num_classes is not None
        self.condition, self.num_classes = condition, image.num_classes or 0
        self.input_channels = image.channels + (self.num_classes if condition == "concat_input" else 0)
        self.hidden_channels = embedding_dim if condition == "concat_hidden" else 0

    def add_outputs(self, dim: int, num_outputs: int = 1, bias: bool = True) -> None:
        """Add the last layers, for features of length ``dim``. bias: of the dense layer of the logit."""
        if self.condition is not None and num_outputs != 1:
            raise ConfigError("a class-conditional discriminator has one output; remove `fault_num_outputs`")
        if self.condition == "k_plus_1":
            self.classes = nn.Linear(dim, self.num_classes + 1, bias=bias)
            return
        self.dense = nn.Linear(dim, num_outputs, bias=bias)
        if self.condition in ("projection", "concat_hidden"):
            self.embedding = ClassEmbedding(self.num_classes, self.hidden_channels or dim)
        elif self.condition == "ac":
            self.classes = nn.Linear(dim, self.num_classes, bias=False)

    def at_input(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """(N, C, H, W) -> (N, input_channels, H, W): a map per class, 1 for the image's own class and 0 elsewhere."""
        if self.condition != "concat_input":
            return images
        assert labels is not None
        one_hot = labels[:, None] == torch.arange(self.num_classes, device=images.device)  # (N, num_classes)
        return _beside(images, one_hot)

    def at_hidden(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """(N, C, H, W) -> (N, C + hidden_channels, H, W): the label's embedding, repeated over all positions."""
        return _beside(x, self.embedding(labels)) if self.condition == "concat_hidden" else x

    def outputs(self, phi: Tensor, x: Tensor, labels: Tensor | None) -> DOutput:
        """The output for features phi (N, dim); x: the innermost maps. Float32 also under autocast.

        With K + 1 outputs the logit is that of "real": log of the summed probability of all classes, minus the log of
        that of the last output.
        """
        if self.condition == "k_plus_1":
            all_logits = full_precision(self.classes(phi))  # (N, num_classes + 1)
            return DOutput(all_logits[:, :-1].logsumexp(1) - all_logits[:, -1], (x,), all_logits)
        logits = full_precision(self.dense(phi).squeeze(1))  # (N,) or (N, num_outputs)
        if self.condition == "projection":
            logits = logits + (full_precision(self.embedding(labels)) * full_precision(phi)).sum(1)  # (N,)
        class_logits = full_precision(self.classes(phi)) if self.condition == "ac" else None  # (N, num_classes)
        return DOutput(logits, (x,), class_logits)


def _beside(x: Tensor, vectors: Tensor) -> Tensor:
    """(N, C, H, W), (N, K) -> (N, C + K, H, W): the vectors repeated over all positions."""
    maps = vectors.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])  # (N, K, H, W)
    return torch.cat([x, maps], dim=1)  # (N, C + K, H, W)


def sum_pool(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C), the sum over all positions, in float32 also under autocast."""
    return full_precision(x).sum((2, 3))
