"""Adversarial losses as pure functions of tensors, one equation each. All are minimised. No torch until they are used.

``real`` and ``fake`` are the discriminator's logits f(x) and f(y), shape (N,), unbounded. Expectations are means over
the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sngan_repro.core.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def standard_d(real: Tensor, fake: Tensor) -> Tensor:
    """E[softplus(-f(x))] + E[softplus(f(y))]; 2 log 2 = 1.386 at chance (Miyato et al. 2018, eq. 15)."""
    softplus = torch.nn.functional.softplus
    return softplus(-real).mean() + softplus(fake).mean()


def standard_g(fake: Tensor) -> Tensor:
    """The non-saturating E[softplus(-f(y))]; log 2 = 0.693 at chance."""
    return torch.nn.functional.softplus(-fake).mean()


def smoothed_d(real: Tensor, fake: Tensor, real_target: float, fake_target: float) -> Tensor:
    """The cross entropy of s(f(x)) with ``real_target`` and of s(f(y)) with ``fake_target``, summed.

    1 and 0 give :func:`standard_d`; 0.9 and 0 are one-sided label smoothing (Salimans et al. 2016, section 3.4).
    """
    return _cross_entropy(real, real_target) + _cross_entropy(fake, fake_target)


def smoothed_g(fake: Tensor, target: float) -> Tensor:
    """The cross entropy of s(f(y)) with ``target``; 1 gives :func:`standard_g`."""
    return _cross_entropy(fake, target)


def smoothed_equation(image: str, target: float) -> str:
    """The cross entropy of s(f) with a target in LaTeX. image: x or y."""
    right, wrong = rf"\log(1 + e^{{-f({image})}})", rf"\log(1 + e^{{f({image})}})"
    parts = [text if t == 1 else rf"{t:.3g}\,{text}" for t, text in ((target, right), (1 - target, wrong)) if t > 0]
    return rf"\mathbb{{E}}[{' + '.join(parts)}]"


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    """E[-t log s(f) - (1 - t) log(1 - s(f))] for logits f (N,) and one target t in [0, 1]."""
    softplus = torch.nn.functional.softplus
    return (target * softplus(-logits) + (1 - target) * softplus(logits)).mean()


def minimax_g(fake: Tensor) -> Tensor:
    """The saturating -E[softplus(f(y))] = E[log(1 - s(f(y)))]; -log 2 at chance (Goodfellow et al. 2014, eq. 1)."""
    return -torch.nn.functional.softplus(fake).mean()


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - f(x))] + E[max(0, 1 + f(y))] (Miyato et al. 2018, eq. 16)."""
    return torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()


def hinge_g(fake: Tensor) -> Tensor:
    """-E[f(y)] (Miyato et al. 2018, eq. 17)."""
    return -fake.mean()


def wasserstein_d(real: Tensor, fake: Tensor) -> Tensor:
    """E[f(y)] - E[f(x)] (Arjovsky et al. 2017)."""
    return fake.mean() - real.mean()


def wasserstein_g(fake: Tensor) -> Tensor:
    """-E[f(y)] (Arjovsky et al. 2017)."""
    return -fake.mean()


def least_squares_d(real: Tensor, fake: Tensor) -> Tensor:
    """1/2 E[(f(x) - 1)^2] + 1/2 E[f(y)^2], on logits without a sigmoid (Mao et al. 2017, eq. 9)."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def least_squares_g(fake: Tensor) -> Tensor:
    """1/2 E[(f(y) - 1)^2] (Mao et al. 2017, eq. 9)."""
    return (fake - 1).square().mean() / 2


class AdversarialLoss(NamedTuple):
    """The losses of D and G."""

    d: Callable[[Tensor, Tensor], Tensor]
    """(f(x), f(y)) -> the loss of D, a scalar"""
    g: Callable[[Tensor], Tensor]
    """f(y) -> the loss of G, a scalar"""
    d_equation: str
    """L_D in LaTeX: x real, y = G(z), f the logit of D"""
    g_equation: str
    """L_G in LaTeX"""
    summary: str


LOSSES = {
    "standard": AdversarialLoss(
        standard_d,
        standard_g,
        r"\mathbb{E}[\log(1 + e^{-f(x)})] + \mathbb{E}[\log(1 + e^{f(y)})]",
        r"\mathbb{E}[\log(1 + e^{-f(y)})]",
        "standard loss",
    ),
    "minimax": AdversarialLoss(
        standard_d,
        minimax_g,
        r"\mathbb{E}[\log(1 + e^{-f(x)})] + \mathbb{E}[\log(1 + e^{f(y)})]",
        r"-\mathbb{E}[\log(1 + e^{f(y)})]",
        "minimax loss",
    ),
    "hinge": AdversarialLoss(
        hinge_d,
        hinge_g,
        r"\mathbb{E}[\max(0, 1 - f(x))] + \mathbb{E}[\max(0, 1 + f(y))]",
        r"-\mathbb{E}[f(y)]",
        "hinge loss",
    ),
    "wasserstein": AdversarialLoss(
        wasserstein_d,
        wasserstein_g,
        r"\mathbb{E}[f(y)] - \mathbb{E}[f(x)]",
        r"-\mathbb{E}[f(y)]",
        "Wasserstein loss",
    ),
    "least_squares": AdversarialLoss(
        least_squares_d,
        least_squares_g,
        r"\tfrac{1}{2}\mathbb{E}[(f(x) - 1)^2] + \tfrac{1}{2}\mathbb{E}[f(y)^2]",
        r"\tfrac{1}{2}\mathbb{E}[(f(y) - 1)^2]",
        "least-squares loss",
    ),
}
"""Values of the option ``loss`` of the method ``gan``. A new loss is two functions and an entry here."""
