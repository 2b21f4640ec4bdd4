"""D at the end of a training, as a safetensors file with what is needed to build it (``training: {save_d: true}``)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from sngan_repro.config.specs import RunSpec
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.weights_file import NetworkRecord, check_shapes, read_weights, write_weights

FORMAT = "sngan-repro discriminator 1"


class LoadedDiscriminator(NamedTuple):
    """A trained discriminator and what is needed to use it."""

    D: nn.Module
    """In evaluation mode, with its weight normalisers."""
    spec: RunSpec
    image: ImageSpec


def save_discriminator(D: nn.Module, spec: RunSpec, image: ImageSpec, path: Path) -> None:
    """Write D's weights and buffers, with the specification of the run in the metadata; equal networks, equal bytes."""
    write_weights(path, FORMAT, spec, image, D.state_dict())


def load_discriminator(path: Path, device: torch.device | str = "cpu") -> LoadedDiscriminator:
    """A discriminator written by :func:`save_discriminator`.

    Raises ConfigError when the file is missing, is not such a file, is damaged, or its weights do not fit its
    specification.
    """
    if not path.exists():
        raise ConfigError(f"{path}: no such file; a training keeps D with `training: {{save_d: true}}`")
    _, spec, image, weights = read_weights(path, FORMAT, NetworkRecord, "discriminator")
    method = METHODS.get(spec.method.name)
    with torch.random.fork_rng(devices=[]):  # the random start is thrown away: leave the caller's state alone
        _, D = method(parse(method.Options, spec.method.options, spec.name), image, spec.nets).build()
    check_shapes(path, {name: tuple(value.shape) for name, value in D.state_dict().items()}, weights)
    D.load_state_dict(weights)
    return LoadedDiscriminator(D.to(device).eval(), spec, image)
