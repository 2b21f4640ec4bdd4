"""Losses as pure functions of tensors, one equation each. All are minimised.

``real`` and ``fake`` are the discriminator's outputs f(x) and f(y), shape (N,), unbounded. Expectations are means
over the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


def standard_d(real: Tensor, fake: Tensor) -> Tensor:
    """E[softplus(-f(x))] + E[softplus(f(y))]; 2 log 2 = 1.386 at chance (Miyato et al. 2018, eq. 15)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def standard_g(fake: Tensor) -> Tensor:
    """The non-saturating E[softplus(-f(y))]; log 2 = 0.693 at chance."""
    return F.softplus(-fake).mean()


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - f(x))] + E[max(0, 1 + f(y))] (Miyato et al. 2018, eq. 16)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_g(fake: Tensor) -> Tensor:
    """-E[f(y)] (Miyato et al. 2018, eq. 17)."""
    return -fake.mean()


def wasserstein_d(real: Tensor, fake: Tensor) -> Tensor:
    """E[f(y)] - E[f(x)] (Arjovsky et al. 2017)."""
    return fake.mean() - real.mean()


def wasserstein_g(fake: Tensor) -> Tensor:
    """-E[f(y)] (Arjovsky et al. 2017)."""
    return -fake.mean()


class AdversarialLoss(NamedTuple):
    """The two sides of an adversarial game."""

    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor], Tensor]


ADVERSARIAL = {
    "standard": AdversarialLoss(standard_d, standard_g),
    "hinge": AdversarialLoss(hinge_d, hinge_g),
    "wasserstein": AdversarialLoss(wasserstein_d, wasserstein_g),
}


def reconstruction_l1(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean absolute error of each image, (N, C, H, W) twice -> (N,) (Berthelot et al. 2017)."""
    return (reconstructions - images).abs().flatten(1).mean(1)


def reconstruction_mse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean squared error of each image, (N, C, H, W) twice -> (N,)."""
    return (reconstructions - images).square().flatten(1).mean(1)


def reconstruction_l2(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Euclidean norm of each image's error, (N, C, H, W) twice -> (N,) (Zhao et al. 2017, eq. 13)."""
    return (reconstructions - images).flatten(1).norm(dim=1)
