"""A method with tiny networks, an autoencoder of known values, and the methods that have faults."""

from __future__ import annotations

import torch
from torch import nn

from sngan_repro.config.specs import NetsSpec
from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import ImageSpec

FAULTY = {"ebgan": "ebgan_with_faults", "sngan": "sngan_with_faults", "wgan_gp": "wgan_gp_with_faults"}
"""core method -> the same with faults as options"""


def make(name: str, shape: tuple[int, int, int] = (1, 16, 16), **options):
    torch.manual_seed(0)
    method_class = METHODS.get(name)
    method = method_class(method_class.Options(**options), ImageSpec(shape[0], shape[1]), NetsSpec(width=4, z_dim=8))
    return method, *method.build()


class ConstantAutoencoder(nn.Module):
    """Reconstructs zero, with given codes."""

    def __init__(self, codes: torch.Tensor | None = None) -> None:
        super().__init__()
        self.codes = codes

    def forward(self, x, labels=None):
        return torch.zeros_like(x), self.codes if self.codes is not None else x.flatten(1)[:, :2]
