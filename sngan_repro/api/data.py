"""Prepared images and evaluators without the workflow: those of the workflow are used, and missing ones are made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sngan_repro.config.machine import MachineConfig, load_machine
from sngan_repro.config.specs import DatasetSpec, EvaluatorSpec
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.data.record import is_current
from sngan_repro.data.sources import SOURCES, check_source, source_info
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.weights import recorded_weights
from sngan_repro.study.layout import Layout


def machine_of(data_dir: Path | str | None) -> MachineConfig:
    """config/config.yaml of the current folder, or the defaults without it. data_dir: replaces its `data_dir`."""
    return load_machine({} if data_dir is None else {"data_dir": str(data_dir)})


def dataset_spec(dataset: DatasetSpec | Mapping[str, Any]) -> DatasetSpec:
    """The checked specification of a dataset. Raises ConfigError that names every wrong key."""
    spec = dataset if isinstance(dataset, DatasetSpec) else parse(DatasetSpec, dict(dataset), "dataset")
    check_source("dataset", spec)
    return spec


def prepare_dataset(dataset: DatasetSpec | Mapping[str, Any], data_dir: Path | str | None = None) -> Path:
    """The folder of the prepared images of a dataset. Missing images are fetched and prepared first, and
    images whose folder or zip has changed are prepared again.

    dataset: keys as under ``datasets`` in a study file, such as ``{"source": "digits", "image_size": 16}``. data_dir:
    default: that of config/config.yaml, else ``data``. Raises ConfigError if files are missing and cannot be fetched.
    """
    spec, machine = dataset_spec(dataset), machine_of(data_dir)
    layout = Layout.of(machine, "")
    folder = layout.dataset(spec)
    if not is_current(folder, spec, SOURCES.get(spec.source).stamp(spec)):
        from sngan_repro.data.fetch import fetch
        from sngan_repro.data.prepare import prepare

        if (info := source_info(spec)).needs_fetch:
            fetch(info.fetched_as, layout.downloads, download=machine.download)
        prepare(spec, layout.downloads, folder)
    return folder


def prepare_evaluator(
    evaluator: str, spec: DatasetSpec, options: EvaluatorSpec, data_dir: Path | str | None, device: Any
) -> Path:
    """The folder of an evaluator for a prepared dataset. A missing evaluator is built first, on ``device``."""
    machine = machine_of(data_dir)
    layout = Layout.of(machine, "")
    folder = layout.evaluator(spec, evaluator, options)
    if not _is_built(folder, layout.dataset(spec)):
        from sngan_repro.evaluation.build import build_evaluator

        weights = _weights(evaluator, layout, machine)
        build_evaluator(evaluator, layout.dataset(spec), options, folder, weights, device)
    return folder


def _is_built(folder: Path, dataset: Path) -> bool:
    """True if the evaluator in a folder was built for the images that are prepared now."""
    from sngan_repro.data.dataset import PreparedData
    from sngan_repro.evaluation.build import read_evaluator

    try:
        read_evaluator(folder, PreparedData.open(dataset))
    except ConfigError:
        return False
    return True


def _weights(evaluator: str, layout: Layout, machine: MachineConfig) -> Path | None:
    found = EVALUATORS.get(evaluator)
    if found.weights is None:
        return None
    if given := found.weights_given(machine):
        return Path(given)
    if (record := layout.weights_record(evaluator)).exists():
        return recorded_weights(record)
    from sngan_repro.evaluation.weights import fetch_weights

    return fetch_weights(found.weights, layout.weights, machine.download)
