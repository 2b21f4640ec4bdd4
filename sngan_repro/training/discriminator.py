"""D at the end of a training, as a safetensors file with what is needed to build it (``training: {save_d: true}``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import atomic_path
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import ImageSpec

FORMAT = "sngan-repro discriminator 1"


class LoadedDiscriminator(NamedTuple):
    """A trained discriminator and what is needed to use it."""

    D: nn.Module
    """In evaluation mode, with its weight normalisers."""
    spec: RunSpec
    image: ImageSpec


def save_discriminator(D: nn.Module, spec: RunSpec, image: ImageSpec, path: Path) -> None:
    """Write D's weights and buffers, with the specification of the run in the metadata; equal networks, equal bytes."""
    from safetensors.torch import save_file

    record = {
        "format": FORMAT,
        "spec": spec.to_dict(),
        "image_shape": list(image.shape),
        "num_classes": image.num_classes,
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in D.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"sngan-repro": json.dumps(record, sort_keys=True)})


def load_discriminator(path: Path, device: torch.device | str = "cpu") -> LoadedDiscriminator:
    """A discriminator written by :func:`save_discriminator`.

    Raises ConfigError when the file is missing, is not such a file, or its weights do not fit its specification.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise ConfigError(f"{path}: no such file; a training keeps D with `training: {{save_d: true}}`")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            record = json.loads((file.metadata() or {}).get("sngan-repro", "{}"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise ConfigError(f"{path}: not a readable safetensors file ({error})") from None
    if record.get("format") != FORMAT:
        raise ConfigError(f"{path}: expected a file of the format '{FORMAT}', found '{record.get('format')}'")
    spec = parse(RunSpec, record["spec"], f"{path}: spec")
    channels, size, _ = record["image_shape"]
    image = ImageSpec(channels, size, record["num_classes"])
    method = METHODS.get(spec.method.name)
    with torch.random.fork_rng(devices=[]):  # the random start is thrown away: leave the caller's state alone
        _, D = method(parse(method.Options, spec.method.options, spec.id), image, spec.nets).build()
    try:
        D.load_state_dict(weights)
    except RuntimeError as error:
        raise ConfigError(f"{path}: the weights do not fit the networks of its specification: {error}") from None
    return LoadedDiscriminator(D.to(device).eval(), spec, image)
