"""Feature matching: losses of G that compare activations of D on real and on generated images. No torch here.

``real`` and ``fake`` are activations (N, ...) of one layer of D, such as (N, C, H, W). All losses are minimised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


def mean_l2(real: Tensor, fake: Tensor) -> Tensor:
    """|E[h(x)] - E[h(y)]|^2, the squared Euclidean norm (Salimans et al. 2016, section 3.1)."""
    return (real.flatten(1).mean(0) - fake.flatten(1).mean(0)).square().sum()


def mean_l1(real: Tensor, fake: Tensor) -> Tensor:
    """The mean over features of |E[h(x)] - E[h(y)]|, as in the code of Salimans et al. 2016."""
    return (real.flatten(1).mean(0) - fake.flatten(1).mean(0)).abs().mean()


def pairwise_mse(real: Tensor, fake: Tensor) -> Tensor:
    """The mean squared difference of the activations of pairs, (h(x_i) - h(y_i))^2 over images i and features.

    Pairs are random, so this is another loss: with the spread of single images in it, it pulls every generated image
    towards the mean of the real ones. Batches of different sizes give as many pairs as the smaller one has images.
    """
    num = min(len(real), len(fake))
    return (real[:num] - fake[:num]).square().mean()


class FeatureLoss(NamedTuple):
    """A loss of G on the activations of D."""

    function: Callable[[Tensor, Tensor], Tensor]
    """(activations on real images, on generated ones) -> a scalar"""
    equation: str
    """In LaTeX: h the activations of D's last maps, x real, y = G(z)."""


FEATURE_SYMBOLS = {"h": "the activations of the last maps of $D$", "d": "their number"}
"""Symbols of these equations, as in ``Method.symbols``."""
FEATURE_LOSSES = {
    "mean_l2": FeatureLoss(mean_l2, r"\lVert \mathbb{E}[h(x)] - \mathbb{E}[h(y)] \rVert_2^2"),
    "mean_l1": FeatureLoss(mean_l1, r"\tfrac{1}{d} \lVert \mathbb{E}[h(x)] - \mathbb{E}[h(y)] \rVert_1"),
    "pairwise_mse": FeatureLoss(pairwise_mse, r"\tfrac{1}{d} \mathbb{E}[\lVert h(x) - h(y) \rVert_2^2]"),
}
"""Values of the option ``feature_loss`` of the method ``gan``."""
