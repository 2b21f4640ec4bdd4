"""Reconstruction errors of autoencoding discriminators. No torch until they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def reconstruction_l1(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean absolute error of each image, (N, C, H, W) twice -> (N,) (Berthelot et al. 2017)."""
    return (reconstructions - images).abs().flatten(1).mean(1)


def reconstruction_mse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean squared error of each image, (N, C, H, W) twice -> (N,)."""
    return (reconstructions - images).square().flatten(1).mean(1)


def reconstruction_l2(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Euclidean norm of each image's error, (N, C, H, W) twice -> (N,) (Zhao et al. 2017, eq. 13)."""
    return (reconstructions - images).flatten(1).norm(dim=1)
