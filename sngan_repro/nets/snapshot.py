"""Snapshots: a trained generator as a safetensors file, with what is needed to build it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from sngan_repro.config.records import Count
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import LabelLaw
from sngan_repro.nets.weights_file import NetworkRecord, check_shapes, read_weights, write_weights

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


class SnapshotRecord(NetworkRecord):
    """The metadata of a snapshot."""

    steps: Count
    class_shares: list[Annotated[float, Field(ge=0, le=1)]] | None


def save_snapshot(
    run: RunPaths,
    spec: RunSpec,
    weights: dict[str, Tensor],
    steps: int,
    image: ImageSpec,
    label_law: LabelLaw | None = None,
) -> str:
    """Write G's weights as safetensors with the specification in the metadata; returns the file's SHA-256."""
    shares = None if label_law is None else list(label_law.shares)
    return write_weights(run.snapshot(steps), SNAPSHOT_FORMAT, spec, image, weights, steps=steps, class_shares=shares)


def load_generator(snapshot: Path, device: torch.device | str = "cpu") -> LoadedGenerator:
    """The generator of a snapshot, in evaluation mode, the specification of its run, and its label law.

    The sizes are compared before any memory is taken for the networks. Raises ConfigError when the file is missing, is
    not a snapshot, is damaged, or its weights do not fit its specification.
    """
    from sngan_repro.nets import build_generator
    from sngan_repro.nets.build import generator_shapes

    record, spec, image, weights = read_weights(snapshot, SNAPSHOT_FORMAT, SnapshotRecord, "snapshot")
    if (record.num_classes or 0) != len(record.class_shares or ()):
        raise ConfigError(f"{snapshot}: `class_shares` does not have one share for each of `num_classes`")
    label_law = None if record.class_shares is None else LabelLaw(tuple(record.class_shares))
    check_shapes(snapshot, generator_shapes(spec.nets, image), weights)
    with torch.random.fork_rng(devices=[]):  # the random start is thrown away: leave the caller's state alone
        G = build_generator(spec.nets, image)
    G.load_state_dict(weights)
    # As in training: quicker convolutions, the same values to rounding.
    return LoadedGenerator(G.to(device).to(memory_format=torch.channels_last).eval(), spec, label_law)
