"""Snapshots: a trained generator as a safetensors file, with what is needed to build it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import atomic_path, file_sha256
from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import LabelLaw

if TYPE_CHECKING:
    from torch import Tensor, nn

SNAPSHOT_FORMAT = "sngan-repro generator 2"


class LoadedGenerator(NamedTuple):
    """A generator and what is needed to sample it."""

    G: nn.Module
    """In evaluation mode."""
    spec: RunSpec
    label_law: LabelLaw | None
    """The law of the labels of a class-conditional generator; None for an unconditional one."""


def save_snapshot(
    run: RunPaths,
    spec: RunSpec,
    weights: dict[str, Tensor],
    steps: int,
    image: ImageSpec,
    label_law: LabelLaw | None = None,
) -> str:
    """Write G's weights as safetensors with the specification in the metadata; returns the file's SHA-256."""
    from safetensors.torch import save_file

    record = {
        "format": SNAPSHOT_FORMAT,
        "spec": spec.to_dict(),
        "steps": steps,
        "image_shape": list(image.shape),
        "num_classes": image.num_classes,
        "class_shares": None if label_law is None else list(label_law.shares),
    }
    # One entry only: safetensors writes several in an order that changes, and equal snapshots must be equal bytes.
    metadata = {"sngan-repro": json.dumps(record, sort_keys=True)}
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    path = run.snapshot(steps)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata)
    return file_sha256(path)


def load_generator(snapshot: Path, device: torch.device | str = "cpu") -> LoadedGenerator:
    """The generator of a snapshot, in evaluation mode, the specification of its run, and its label law.

    Raises ConfigError when the file is missing, is not a snapshot, or its weights do not fit its specification.
    """
    from safetensors import SafetensorError, safe_open

    from sngan_repro.nets import build_generator

    if not snapshot.exists():
        raise ConfigError(f"{snapshot}: no such snapshot")
    try:
        with safe_open(snapshot, framework="pt", device="cpu") as file:
            record = json.loads((file.metadata() or {}).get("sngan-repro", "{}"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise ConfigError(f"{snapshot}: not a readable safetensors file ({error})") from None
    if record.get("format") != SNAPSHOT_FORMAT:
        raise ConfigError(
            f"{snapshot}: expected a snapshot of the format '{SNAPSHOT_FORMAT}', found '{record.get('format')}'"
        )
    spec = parse(RunSpec, record["spec"], f"{snapshot}: spec")
    channels, size, _ = record["image_shape"]
    image = ImageSpec(channels, size, record["num_classes"])
    label_law = None if record["class_shares"] is None else LabelLaw(tuple(record["class_shares"]))
    with torch.random.fork_rng(devices=[]):  # the random start is thrown away: leave the caller's state alone
        G = build_generator(spec.nets, image)
    try:
        G.load_state_dict(weights)
    except RuntimeError as error:
        raise ConfigError(f"{snapshot}: the weights do not fit the networks of its specification: {error}") from None
    # As in training: quicker convolutions, the same values to rounding.
    return LoadedGenerator(G.to(device).to(memory_format=torch.channels_last).eval(), spec, label_law)
