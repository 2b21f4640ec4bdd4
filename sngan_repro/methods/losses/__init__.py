"""Losses and penalties: pure functions of tensors, and tables of those that the method ``gan`` offers. No torch here.

from sngan_repro.methods import losses

losses.hinge_d(real, fake)
"""

from sngan_repro.methods.losses.adversarial import (
    LOSSES,
    AdversarialLoss,
    hinge_d,
    hinge_g,
    least_squares_d,
    least_squares_g,
    minimax_g,
    smoothed_d,
    smoothed_equation,
    smoothed_g,
    standard_d,
    standard_g,
    wasserstein_d,
    wasserstein_g,
)
from sngan_repro.methods.losses.matching import FEATURE_LOSSES, FEATURE_SYMBOLS, FeatureLoss
from sngan_repro.methods.losses.penalties import (
    PENALTIES,
    Penalty,
    dragan_penalty,
    gradient_penalty,
    orthonormal_penalty,
    pulling_away,
    r1_penalty,
    spectral_penalty,
)
from sngan_repro.methods.losses.reconstruction import reconstruction_l1, reconstruction_l2, reconstruction_mse

__all__ = [
    "FEATURE_LOSSES",
    "FEATURE_SYMBOLS",
    "LOSSES",
    "PENALTIES",
    "AdversarialLoss",
    "FeatureLoss",
    "Penalty",
    "dragan_penalty",
    "gradient_penalty",
    "hinge_d",
    "hinge_g",
    "least_squares_d",
    "least_squares_g",
    "minimax_g",
    "orthonormal_penalty",
    "pulling_away",
    "r1_penalty",
    "reconstruction_l1",
    "reconstruction_l2",
    "reconstruction_mse",
    "smoothed_d",
    "smoothed_equation",
    "smoothed_g",
    "spectral_penalty",
    "standard_d",
    "standard_g",
    "wasserstein_d",
    "wasserstein_g",
]
