"""Snapshots: a trained generator as a safetensors file, with what is needed to build it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field

from sngan_repro.config.records import Count, FileModel, ImageShape, check_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import atomic_path, check_regular, file_sha256
from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import ConfigError, parse, shortened
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

    record: dict[str, Any] = {
        "format": SNAPSHOT_FORMAT,
        "spec": spec.to_dict(),
        "steps": steps,
        "image_shape": list(image.shape),
        "num_classes": image.num_classes,
        "class_shares": None if label_law is None else list(label_law.shares),
    }
    # One entry only: safetensors writes several in an order that changes, and equal snapshots must be equal bytes.
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    record["checksum"] = _checksum(record, tensors)
    metadata = {"sngan-repro": json.dumps(record, sort_keys=True)}
    path = run.snapshot(steps)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata)
    return file_sha256(path)


class SnapshotRecord(FileModel):
    """The metadata of a snapshot."""

    format: Literal["sngan-repro generator 2"]
    spec: dict[str, Any]
    steps: Count
    image_shape: ImageShape
    num_classes: Annotated[int, Field(ge=1, le=1_000_000)] | None
    class_shares: list[Annotated[float, Field(ge=0, le=1)]] | None
    checksum: str | None = None
    """Of the other entries and of the weights; earlier versions wrote none."""


def load_generator(snapshot: Path, device: torch.device | str = "cpu") -> LoadedGenerator:
    """The generator of a snapshot, in evaluation mode, the specification of its run, and its label law.

    The sizes are compared before any memory is taken for the networks. Raises ConfigError when the file is missing, is
    not a snapshot, is damaged, or its weights do not fit its specification.
    """
    from sngan_repro.nets import build_generator

    values, weights = _read(snapshot)
    record = check_record(SnapshotRecord, values, snapshot, "this is no snapshot of this program, or a damaged one")
    if record.checksum is not None and record.checksum != _checksum(values, weights):
        raise ConfigError(f"{snapshot}: damaged: its checksum is wrong; train the run again, or copy the file again")
    spec = parse(RunSpec, record.spec, f"{snapshot}: spec")
    channels, size, _ = record.image_shape
    image = ImageSpec(channels, size, record.num_classes)
    if (record.num_classes or 0) != len(record.class_shares or ()):
        raise ConfigError(f"{snapshot}: `class_shares` does not have one share for each of `num_classes`")
    label_law = None if record.class_shares is None else LabelLaw(tuple(record.class_shares))
    _check_shapes(snapshot, spec, image, weights)
    with torch.random.fork_rng(devices=[]):  # the random start is thrown away: leave the caller's state alone
        G = build_generator(spec.nets, image)
    G.load_state_dict(weights)
    # As in training: quicker convolutions, the same values to rounding.
    return LoadedGenerator(G.to(device).to(memory_format=torch.channels_last).eval(), spec, label_law)


def _read(snapshot: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(metadata, weights) of a snapshot."""
    from safetensors import SafetensorError, safe_open

    if not snapshot.exists():
        raise ConfigError(f"{snapshot}: no such snapshot")
    check_regular(snapshot)
    try:
        with safe_open(snapshot, framework="pt", device="cpu") as file:
            text = (file.metadata() or {}).get("sngan-repro", "{}")
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        record = json.loads(text)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{snapshot}: not a readable safetensors file ({shortened(str(error))})") from None
    found = record.get("format") if isinstance(record, dict) else None
    if found != SNAPSHOT_FORMAT:
        raise ConfigError(
            f"{snapshot}: expected a snapshot of the format '{SNAPSHOT_FORMAT}', found '{shortened(str(found))}'"
        )
    return record, weights


def _check_shapes(snapshot: Path, spec: RunSpec, image: ImageSpec, weights: dict[str, Tensor]) -> None:
    """Raise ConfigError if the weights do not have the names and shapes of the specification's generator."""
    from sngan_repro.nets.build import generator_shapes

    expected, found = generator_shapes(spec.nets, image), {name: tuple(w.shape) for name, w in weights.items()}
    if expected != found:
        name = min(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        raise ConfigError(
            f"{snapshot}: the weights do not fit the networks of its specification: {shortened(name)} is "
            f"{found.get(name, 'missing')}, expected {expected.get(name, 'no such tensor')}"
        )


def _checksum(record: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """The SHA-256 of all entries of the metadata but the checksum, and of all weights."""
    others = {key: value for key, value in record.items() if key != "checksum"}
    total = hashlib.sha256(json.dumps(others, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        total.update(value.numpy().tobytes())
    return total.hexdigest()
