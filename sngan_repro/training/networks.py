"""The layers of all networks of a study, as they are built for its runs, in one JSON file for the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from sngan_repro.config.specs import StudyRun
from sngan_repro.core.schema import parse
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.data.dataset import read_dataset
from sngan_repro.evaluation.build import TRAINED_WEIGHTS
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.listing import Layer, layers_of

BATCH = 2
"""Images of the pass that shows the layers: batch norm needs more than one."""


def describe_networks(
    runs: Iterable[StudyRun],
    datasets: Mapping[str, Path],
    evaluators: Mapping[tuple[str, str], Path],
    path: Path,
) -> None:
    """Write the layers of G and D of each method, and of each evaluator that was trained here.

    runs: those that are trained here; one of each dataset and method is enough. datasets: name -> folder of the
    prepared images. evaluators: (dataset, evaluator) -> folder. Equal networks of several methods are listed once.
    """
    found: dict[str, dict[str, Any]] = {}
    with torch.random.fork_rng(devices=[]):
        for run in {(run.dataset, run.label): run for run in runs}.values():
            info = read_dataset(datasets[run.dataset])
            for network, (inputs, layers) in _of_run(run, info).items():
                _note(found, run.dataset, network, run.label, inputs, layers, run.nets.init)
        for (dataset, name), folder in evaluators.items():
            if EVALUATORS.get(name).trained:
                channels, *size = read_dataset(datasets[dataset])["image_shape"]
                net = EVALUATORS.get(name).load(folder / TRAINED_WEIGHTS)
                if isinstance(net, torch.nn.Module):
                    net.requires_grad_(True)  # its weights were trained, and are frozen now
                    layers = layers_of(net, torch.zeros(BATCH, 3, *size, dtype=torch.uint8))
                    _note(found, dataset, "evaluator", name, (channels, *size), layers, "pytorch")
    write_sealed_json(path, {"networks": list(found.values())})


def _of_run(run: StudyRun, info: Mapping[str, Any]) -> dict[str, tuple[Sequence[int], list[Layer]]]:
    """``generator`` and ``discriminator`` -> (shape of the input, layers) of one run."""
    channels, size, _ = info["image_shape"]
    classes = info["classes"]
    image = ImageSpec(channels, size, len(classes) if run.nets.conditional and classes else None)
    method_class = METHODS.get(run.method.name)
    G, D = method_class(parse(method_class.Options, run.method.options, run.id), image, run.nets).build()
    labels = None if image.num_classes is None else torch.zeros(BATCH, dtype=torch.int64)
    return {
        "generator": ((run.nets.z_dim,), layers_of(G, torch.zeros(BATCH, run.nets.z_dim), labels)),
        "discriminator": (image.shape, layers_of(D, torch.zeros(BATCH, *image.shape), labels)),
    }


def _note(
    found: dict[str, dict[str, Any]],
    dataset: str,
    network: str,
    label: str,
    inputs: Sequence[int],
    layers: list[Layer],
    init: str,
) -> None:
    """Add a network, or the label to an equal one."""
    key = repr((dataset, network, layers, init))
    entry = {
        "dataset": dataset,
        "network": network,
        "labels": [],
        "input": list(inputs),
        "init": init,
        "layers": [{"what": layer.what, "output": layer.output, "parameters": layer.parameters} for layer in layers],
    }
    found.setdefault(key, entry)["labels"].append(label)
