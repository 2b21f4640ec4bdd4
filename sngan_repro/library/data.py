"""Prepared images and evaluators for use without the workflow: found where the workflow puts them, or made there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sngan_repro.config import ConfigError, MachineConfig, parse
from sngan_repro.data.sources import check_source, source_info
from sngan_repro.evaluate.evaluators import EVALUATORS
from sngan_repro.files import read_json
from sngan_repro.paths import Layout
from sngan_repro.specs import DatasetSpec
from sngan_repro.study import EvaluatorSpec, load_machine


def machine_of(data_dir: Path | str | None) -> MachineConfig:
    """config/config.yaml of the current folder, if there is one, with another data folder when given."""
    return load_machine({} if data_dir is None else {"data_dir": str(data_dir)})


def dataset_spec(dataset: DatasetSpec | Mapping[str, Any]) -> DatasetSpec:
    """A dataset as a study file has it, checked."""
    spec = dataset if isinstance(dataset, DatasetSpec) else parse(DatasetSpec, dict(dataset), "dataset")
    check_source("dataset", spec)
    return spec


def prepare_dataset(dataset: DatasetSpec | Mapping[str, Any], data_dir: Path | str | None = None) -> Path:
    """The folder of prepared images; fetched and prepared first when they are not there.

    dataset: keys as under ``datasets`` in a study file, such as ``{"source": "digits", "image_size": 16}``. data_dir:
    default: as config/config.yaml says, else ``data``. Raises ConfigError when files are missing and cannot be fetched.
    """
    spec, machine = dataset_spec(dataset), machine_of(data_dir)
    layout = Layout.of(machine, "")
    folder = layout.dataset(spec)
    if not (folder / "dataset.json").exists():
        from sngan_repro.data.fetch import fetch
        from sngan_repro.data.prepare import prepare

        if source_info(spec).needs_fetch:
            fetch(spec.source, layout.downloads, download=machine.download)
        prepare(spec, layout.downloads, folder)
    return folder


def prepare_evaluator(
    evaluator: str, spec: DatasetSpec, options: EvaluatorSpec, data_dir: Path | str | None, device: Any
) -> Path:
    """The folder of an evaluator as used on a prepared dataset; built first when it is not there."""
    machine = machine_of(data_dir)
    layout = Layout.of(machine, "")
    folder = layout.evaluator(spec, evaluator, options)
    if not (folder / "evaluator.json").exists():
        from sngan_repro.evaluate.build import build_evaluator

        weights = _weights(evaluator, layout, machine)
        build_evaluator(evaluator, layout.dataset(spec), options, folder, weights, device)
    return folder


def _weights(evaluator: str, layout: Layout, machine: MachineConfig) -> Path | None:
    found = EVALUATORS.get(evaluator)
    if found.weights is None:
        return None
    if given := found.weights_given(machine):
        return Path(given)
    if (record := layout.weights_record(evaluator)).exists():
        return layout.weights / read_json(record)["file"]
    from sngan_repro.evaluate.weights import fetch_weights

    return fetch_weights(found.weights, layout.weights, machine.download)


def read_images(images: np.ndarray | Path | str, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Images to be scored: uint8 (N, H, W, C), exactly as they are.

    images: such an array, a ``.npy`` file of one, or a folder of image files, taken in the order of their names, class
    folders included. image_shape: (C, H, W) of the dataset. Nothing is resized, cropped or converted, since each of
    these changes scores: ConfigError says what was found and what is needed.
    """
    channels, height, width = image_shape
    need = f"needed: uint8 (N, {height}, {width}, {channels}), images x height x width x channels"
    if isinstance(images, np.ndarray):
        return _checked(images, image_shape, "images", need)
    path = Path(images)
    if path.is_dir():
        return _read_folder(path, image_shape)
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder")
    if path.suffix != ".npy":
        raise ConfigError(f"{path}: neither a folder of images nor a .npy file; {need}")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"{path}: not a readable .npy file ({error}); {need}") from None
    return _checked(array, image_shape, str(path), need)


def _checked(array: np.ndarray, image_shape: tuple[int, int, int], where: str, need: str) -> np.ndarray:
    channels, height, width = image_shape
    found = f"{where}: found {array.dtype} {array.shape}; {need}"
    if array.dtype != np.uint8:
        raise ConfigError(f"{found}. Floats are not guessed: from [-1, 1], ((x + 1) * 127.5).round() gives the levels")
    if array.ndim == 4 and array.shape[1:] == image_shape and array.shape[1:] != (height, width, channels):
        raise ConfigError(f"{found}. Put the channels last: images.transpose(0, 2, 3, 1)")
    if array.ndim != 4 or array.shape[1:] != (height, width, channels):
        raise ConfigError(found)
    return array


EXACT_MODES = {1: ("L", "1"), 3: ("RGB", "P")}
"""Channels of a dataset -> modes of image files (as PIL has them) that give such pixels without a conversion."""


def _read_folder(folder: Path, image_shape: tuple[int, int, int]) -> np.ndarray:
    from sngan_repro.data.image_tree import ImageTree
    from sngan_repro.data.sources.images import decode

    channels, height, width = image_shape
    tree = ImageTree(str(folder))
    found = np.empty((len(tree.names), height, width, channels), np.uint8)
    for index, name in enumerate(tree.names):
        where = tree.where(name)
        image = decode(tree.read(name), where)
        transparent = "transparency" in image.info
        if image.size != (width, height) or image.mode not in EXACT_MODES[channels] or transparent:
            kind = image.mode + " with transparency" * transparent
            raise ConfigError(
                f"{where}: {image.width} x {image.height} pixels, {kind}; the dataset has "
                f"{width} x {height}, {EXACT_MODES[channels][0]}. Nothing is resized or converted here, "
                "since that changes scores"
            )
        found[index] = np.asarray(image.convert(EXACT_MODES[channels][0])).reshape(height, width, channels)
    return found
