"""A finished run as files for other programs: networks, and a model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sngan_repro.api.model_card import model_card
from sngan_repro.config.finished import read_finished
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import write_text
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.export import (
    ONNX_PACKAGES,
    ImagesOfLatents,
    LogitsOfImages,
    folded,
    onnx_missing,
    write_onnx,
    write_program,
)
from sngan_repro.nets.latents import kept_latents
from sngan_repro.nets.snapshot import load_generator
from sngan_repro.training.discriminator import load_discriminator

EXAMPLES = 2  # in the batch that is traced


def export_run(run: Path | str, out: Path | str, onnx: bool | None = None) -> list[Path]:
    """Write the networks of a finished run and a model card into the folder ``out``; returns the files.

    run: the run's folder. ``generator.pt2`` (torch.export) and ``generator.onnx`` are the generator of the last
    snapshot; ``discriminator.pt2`` is D at the end, its weight normalisers folded into the weights, if the training
    kept it (``training: {save_d: true}``). onnx: True for ONNX, False for none; default: if the packages are there.
    What is written is read back and compared. Raises ConfigError for a folder without a finished run.
    """
    paths, folder = RunPaths(Path(run)), Path(out)
    if not paths.status.exists():
        raise ConfigError(f"{paths.root}: no finished run (status.json is missing)")
    if onnx and (missing := onnx_missing()):
        raise ConfigError(
            f"--onnx: needs the packages {' and '.join(ONNX_PACKAGES)}, and {' and '.join(missing)} is not installed; "
            "run `pip install sngan-repro[onnx]`"
        )
    spec, status = read_finished(paths)
    if status["snapshots"] and not paths.snapshot(status["snapshots"][-1]["steps"]).exists():
        raise ConfigError(f"{paths.root}: the snapshots of this run are gone, or it is a program's")
    folder.mkdir(parents=True, exist_ok=True)
    written = _generator(paths, status, folder, onnx_missing() == [] if onnx is None else onnx)
    if paths.discriminator.exists():
        written |= _discriminator(paths, folder)
    card = folder / "MODEL_CARD.md"
    write_text(card, model_card(paths, spec, status, written))
    return [*(folder / name for name in written), card]


def _generator(paths: RunPaths, status: dict[str, Any], folder: Path, onnx: bool) -> dict[str, float | None]:
    """Write G; returns file -> largest difference of what was read back (None: not compared)."""
    G, spec, law = load_generator(paths.snapshot(status["snapshots"][-1]["steps"]))
    inputs: list[Tensor] = [kept_latents(EXAMPLES, spec.nets.z_dim, spec.nets.z_law, 0, 0)]  # (N, z_dim)
    names = ["z"]
    if law is not None:
        inputs.append(torch.arange(EXAMPLES) % len(law.shares))  # (N,)
        names.append("labels")
    net = ImagesOfLatents(folded(G))
    written: dict[str, float | None] = {"generator.pt2": write_program(net, inputs, folder / "generator.pt2")}
    if onnx:
        written["generator.onnx"] = write_onnx(net, inputs, names, "images", folder / "generator.onnx")
    return written


def _discriminator(paths: RunPaths, folder: Path) -> dict[str, float | None]:
    """Write D without its weight normalisers; returns file -> largest difference to D with them.

    A D without logits, such as an autoencoder, is not written.
    """
    found = load_discriminator(paths.discriminator)
    images = torch.rand(EXAMPLES, *found.image.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    inputs: list[Tensor] = [images]
    if found.image.num_classes is not None:
        inputs.append(torch.arange(EXAMPLES) % found.image.num_classes)
    with torch.no_grad():
        if not hasattr(found.D(*inputs), "logits"):
            return {}
    file = folder / "discriminator.pt2"
    difference = write_program(LogitsOfImages(folded(found.D)), inputs, file, expected=LogitsOfImages(found.D))
    return {"discriminator.pt2": difference}
