"""The folder of an evaluator for one dataset: its network, and the features of all real images, computed once.

It has ``features_train.npz``, ``features_test.npz``, ``weights.safetensors`` for a trained evaluator, and
``evaluator.json``. The last is written when the rest is complete. Each file of features contains the digests of the
evaluator and of the images. A reader that expects other digests refuses it. So a job that reads a folder while another
job replaces it gets the right features or an error, never a mixture.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sngan_repro.config.data_records import BuiltEvaluatorFile
from sngan_repro.config.records import read_record
from sngan_repro.config.specs import EvaluatorSpec
from sngan_repro.core.files import atomic_path, file_lock, file_sha256
from sngan_repro.core.runtime import cpu_threads, versions
from sngan_repro.core.schema import ConfigError, text_digest
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.core.verified import has_sha256, keep_sha256
from sngan_repro.data.dataset import PreparedData, Split
from sngan_repro.data.npy import read_npz
from sngan_repro.evaluation.classifier import accuracy
from sngan_repro.evaluation.evaluator_checks import check_finite, check_labels, check_learned
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.evaluators.base import trained_options
from sngan_repro.evaluation.features import Extractor, Features, extract
from sngan_repro.evaluation.scores.precision_recall import squared_radii

log = logging.getLogger(__name__)

SPLITS: tuple[Split, Split] = ("train", "test")
TRAINED_WEIGHTS = "weights.safetensors"
"""File of the weights of a trained evaluator, in its folder."""


def build_evaluator(
    name: str,
    dataset_dir: Path,
    options: EvaluatorSpec,
    out: Path,
    weights: Path | None,
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """Build the evaluator's folder ``out`` for one prepared dataset; returns the content of evaluator.json.

    A complete folder with the same dataset, options and weights is kept. options: for a trained evaluator; others
    ignore them. weights: the file for a published one; others ignore it. Raises ConfigError for an unknown evaluator,
    for missing weights, and for a dataset without labels if the evaluator is trained.
    """
    evaluator = EVALUATORS.get(name)
    published = evaluator.weights
    data = PreparedData.open(dataset_dir)
    if published and weights is None:
        place = f"set `{published.key}` in config/config.yaml" if published.key else f"stage {published.name}"
        raise ConfigError(
            f"the evaluator '{name}' needs its weights: {place} or let them be downloaded (`download: true`)"
        )
    weights = weights if published else None
    # Two builds at the same time could mix the weights of one with the features of the other.
    with file_lock(out.with_name(f".{out.name}.lock"), wait=True):
        if (present := _present(name, data, options, out, weights)) is not None:
            log.info("%s: complete", out)
            return present
        # The weights that a training gives depend on the number of threads. So it is the same for every caller.
        with cpu_threads(evaluator.threads if evaluator.trained else torch.get_num_threads()):
            return _build(name, data, options, out, weights, device)


def _build(
    name: str,
    data: PreparedData,
    options: EvaluatorSpec,
    out: Path,
    weights: Path | None,
    device: torch.device | str,
) -> dict[str, Any]:
    started = time.perf_counter()
    (out / "evaluator.json").unlink(missing_ok=True)  # from now on the folder counts as incomplete
    evaluator = EVALUATORS.get(name)
    if evaluator.trained:
        check_labels(name, data)
        weights = out / TRAINED_WEIGHTS
        evaluator.train(data, options, weights, device)
    extractor = evaluator.load(weights, device)
    weights_sha256 = file_sha256(weights) if weights else None
    digest = _digest(name, weights_sha256)
    accuracies: dict[str, float | None] = {}
    for split in SPLITS:
        features = extract(extractor, data.images(split), evaluator.batch_size, device)
        check_finite(name, split, features)
        accuracies[split] = _accuracy(features, data.labels(split)) if evaluator.trained else None
        if evaluator.trained and split == "train":
            check_learned(name, data, accuracies[split])
        kept = {**features, "radii": squared_radii(features["features"], device)}
        _write_features(out / f"features_{split}.npz", kept, digest, data.sha256)
    checksums = {split: file_sha256(out / f"features_{split}.npz") for split in SPLITS}
    for split in SPLITS:
        keep_sha256(out / f"features_{split}.npz", checksums[split])
    info = {
        "evaluator": name,
        "digest": digest,
        "preprocessing": evaluator.preprocessing,
        "weights": (weights.name if evaluator.trained else str(weights.resolve())) if weights else None,
        "weights_sha256": weights_sha256,
        "feature_dim": features["features"].shape[1],
        "num_classes": features["logits"].shape[1],
        "options": trained_options(name, options),
        "dataset_sha256": data.sha256,
        "features_sha256": checksums,
        "train_accuracy": accuracies["train"],
        "test_accuracy": accuracies["test"],
        "seconds": round(time.perf_counter() - started, 3),
        "versions": versions(),
    }
    write_sealed_json(out / "evaluator.json", info)
    return info


def read_evaluator(folder: Path, data: PreparedData) -> dict[str, Any]:
    """evaluator.json of a complete folder. Raises ConfigError if it is missing or was made for other images."""
    path = folder / "evaluator.json"
    if not path.exists():
        raise ConfigError(f"{path}: no such file; the evaluator is not built for this dataset; run the workflow again")
    info = read_record(BuiltEvaluatorFile, path, f"remove {folder} so that it is built anew")
    if info["dataset_sha256"] != data.sha256:
        raise ConfigError(
            f"{path}: made for images with SHA-256 {info['dataset_sha256'][:16]}..., but {data.folder} holds "
            f"{data.sha256[:16]}...; remove {folder} so that it is built anew"
        )
    return info


def read_features(folder: Path, split: Split, info: dict[str, Any]) -> Features:
    """Cached features and logits of a split's real images, in the order of the prepared dataset.

    Raises ConfigError if they were made by another evaluator or from other images than those of ``info``.
    """
    return _read(folder, split, info, ("features", "logits"))


def read_radii(folder: Path, split: Split, info: dict[str, Any]) -> np.ndarray | None:
    """``squared_radii`` of these features (see :mod:`sngan_repro.evaluation.scores.precision_recall`), (N,).

    None if the file was written by an earlier version.
    """
    return _read(folder, split, info, (), ("radii",)).get("radii")


def _read(
    folder: Path, split: Split, info: dict[str, Any], names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Arrays of a file of features, after a check of its evaluator and its images."""
    path = folder / f"features_{split}.npz"
    expected = (info["digest"], info["dataset_sha256"])
    recorded = info.get("features_sha256", {}).get(split)  # earlier versions recorded none
    try:
        if recorded is not None and not has_sha256(path, recorded):
            raise ValueError("it has changed: its checksum is not the one in evaluator.json")
        file = read_npz(path, ("evaluator_digest", "dataset_sha256", *names), optional)
        found = (str(file["evaluator_digest"]), str(file["dataset_sha256"]))
        if found == expected:
            return {name: file[name] for name in (*names, *optional) if name in file}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); remove {folder} so that it is built anew") from None
    raise ConfigError(
        f"{path}: made by evaluator {found[0]} from images {found[1][:16]}..., expected {expected[0]} and "
        f"{expected[1][:16]}...; remove {folder} so that it is built anew"
    )


def load_extractor(
    folder: Path, info: dict[str, Any], device: torch.device | str = "cpu", weights: Path | None = None
) -> Extractor:
    """The network of an evaluator's folder, after a check that its weights are those of the cached features.

    weights: the file in config/config.yaml of an evaluator's published weights, if it has moved.
    """
    evaluator = EVALUATORS.get(info["evaluator"])
    if info["weights"] is None:
        return evaluator.load(None, device)
    path = folder / info["weights"]  # an absolute path for published weights
    key = evaluator.weights.key if evaluator.weights else None
    if weights is not None and key:
        path = weights
    if not path.exists():
        hint = f"see `{key}` in config/config.yaml" if key else f"remove {folder} so that it is built anew"
        raise ConfigError(f"{path}: the weights of the evaluator are missing; {hint}")
    if (found := file_sha256(path)) != info["weights_sha256"]:
        raise ConfigError(
            f"{path}: SHA-256 {found[:16]}..., but the features in {folder} were made with "
            f"{info['weights_sha256'][:16]}...; remove {folder} so that it is built anew"
        )
    return evaluator.load(path, device)


def _digest(name: str, weights_sha256: str | None) -> str:
    """A digest of all that determines the features of an image: evaluator, preprocessing and weights."""
    return text_digest(f"{name}\n{EVALUATORS.get(name).preprocessing}\n{weights_sha256 or ''}")


def _present(
    name: str, data: PreparedData, options: EvaluatorSpec, out: Path, weights: Path | None
) -> dict[str, Any] | None:
    """evaluator.json if the folder is complete and has this dataset, these options and these weights, else None."""
    try:
        info = read_evaluator(out, data)
        current = out / TRAINED_WEIGHTS if EVALUATORS.get(name).trained else weights
        digest = _digest(name, file_sha256(current) if current else None)
        found = (info["evaluator"], info["digest"], info["options"])
        same = found == (name, digest, trained_options(name, options))
        for split in SPLITS:
            read_features(out, split, info)
    except (ConfigError, OSError, KeyError, ValueError):  # a missing or unreadable file: build again
        return None
    return info if same else None


def _accuracy(features: Features, labels: np.ndarray) -> float | None:
    """Share of images that a network trained on their classes classifies correctly."""
    return accuracy(torch.from_numpy(features["logits"]), torch.from_numpy(np.array(labels)))


def _write_features(path: Path, features: Features, digest: str, dataset_sha256: str) -> None:
    with atomic_path(path) as temporary:
        np.savez(temporary, **features, evaluator_digest=digest, dataset_sha256=dataset_sha256)  # type: ignore[arg-type]
