"""A method with tiny networks, an autoencoder of known values, and the methods that have faults."""

from __future__ import annotations

import torch
from torch import nn

from sngan_repro.config.specs import NetsSpec
from sngan_repro.methods import METHODS, Method
from sngan_repro.nets.interface import ImageSpec

NUM_CLASSES = 3
FAULTY = {"ebgan": "ebgan_with_faults", "sngan": "sngan_with_faults", "wgan_gp": "wgan_gp_with_faults"}
"""core method -> the same with faults as options"""


def make(name: str, shape: tuple[int, int, int] = (1, 16, 16), **options):
    """A method with options, its G and D; class-conditional with NUM_CLASSES classes where the method needs classes."""
    torch.manual_seed(0)
    method_class = METHODS.get(name)
    nets, num_classes = NetsSpec(width=4, z_dim=8), None
    if method_class.condition_d:
        nets, num_classes = (
            NetsSpec(width=4, z_dim=8, conditional=True, condition_d=method_class.condition_d),
            NUM_CLASSES,
        )
    method = method_class(method_class.Options(**options), ImageSpec(shape[0], shape[1], num_classes), nets)
    return method, *method.build()


def labels_for(method: Method, count: int) -> torch.Tensor | None:
    """Labels (count,) of a class-conditional method, else None."""
    return torch.arange(count) % NUM_CLASSES if method.image.num_classes else None


class ConstantAutoencoder(nn.Module):
    """Reconstructs zero, with given codes."""

    def __init__(self, codes: torch.Tensor | None = None) -> None:
        super().__init__()
        self.codes = codes

    def forward(self, x, labels=None):
        return torch.zeros_like(x), self.codes if self.codes is not None else x.flatten(1)[:, :2]
