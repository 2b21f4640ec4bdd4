"""An evaluator as used on one dataset: its network, and the features of all real images, computed once.

The folder holds ``evaluator.json`` (written last: it is there when the rest is complete), ``features_train.npz``,
``features_test.npz`` and, for the classifier, ``weights.safetensors``. Each file of features carries the digests of
the evaluator and the images it was made with and is refused by a reader that expects others, so parallel jobs can
read a folder that is being replaced and get the right features or an error, never a mixture.
"""

from __future__ import annotations

import logging
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sngan_repro.config import ConfigError, require_known, text_digest
from sngan_repro.data.dataset import PreparedData, Split
from sngan_repro.evaluate import classifier, inception
from sngan_repro.evaluate.features import Extractor, Features, extract
from sngan_repro.evaluate.neighbours import squared_radii
from sngan_repro.evaluate.registry import evaluator_names
from sngan_repro.files import atomic_path, file_lock, file_sha256, read_json, write_json
from sngan_repro.runtime import versions
from sngan_repro.study import EvaluatorSpec

log = logging.getLogger(__name__)

SPLITS: tuple[Split, Split] = ("train", "test")
PREPROCESSING = {"classifier": classifier.PREPROCESSING, "inception": inception.PREPROCESSING}
BATCH_SIZE = {"classifier": 256, "inception": 16}
"""Images per pass. Speed only; larger ones gain nothing on a CPU and little on a GPU."""


def build_evaluator(
    name: str,
    dataset_dir: Path,
    options: EvaluatorSpec,
    out: Path,
    weights: Path | None,
    device: torch.device | str = "cpu",
) -> dict[str, Any]:
    """Make the evaluator's folder ``out`` for one prepared dataset; returns what evaluator.json says.

    A folder that is complete and of the same dataset, options and weights is left alone. options: of the classifier
    (ignored by inception). weights: of inception (ignored by the classifier).
    Raises ConfigError for an unknown evaluator, a dataset without labels (classifier) or missing weights (inception).
    """
    require_known("evaluator", name, evaluator_names())
    data = PreparedData.open(dataset_dir)
    if name == "inception" and weights is None:
        raise ConfigError(
            "the evaluator 'inception' needs its weights: set `inception_weights` in config/config.yaml or let them be "
            "downloaded (`download: true`)"
        )
    with file_lock(
        out.with_name(f".{out.name}.lock"), wait=True
    ):  # two builds at once could mix one's weights with the other's features
        if (present := _present(name, data, options, out, weights)) is not None:
            log.info("%s: complete", out)
            return present
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
    (out / "evaluator.json").unlink(missing_ok=True)  # from here on nothing here looks complete
    if name == "classifier":
        extractor: Extractor = _train(data, options, out / "weights.safetensors", device)
        weights = out / "weights.safetensors"
    else:
        assert weights is not None
        extractor = inception.load_inception(weights, device)
    weights_sha256 = file_sha256(weights)
    digest = _digest(name, weights_sha256)
    accuracies: dict[str, float | None] = {}
    for split in SPLITS:
        features = extract(extractor, data.images(split), BATCH_SIZE[name], device)
        accuracies[split] = _accuracy(name, features, data.labels(split))
        kept = {**features, "radii": squared_radii(features["features"], device)}
        _write_features(out / f"features_{split}.npz", kept, digest, data.sha256)
    info = {
        "evaluator": name,
        "digest": digest,
        "preprocessing": PREPROCESSING[name],
        "weights": weights.name if name == "classifier" else str(weights.resolve()),
        "weights_sha256": weights_sha256,
        "feature_dim": features["features"].shape[1],
        "num_classes": features["logits"].shape[1],
        "options": options.to_dict() if name == "classifier" else {},
        "dataset_sha256": data.sha256,
        "train_accuracy": accuracies["train"],
        "test_accuracy": accuracies["test"],
        "seconds": round(time.perf_counter() - started, 3),
        "versions": versions(),
    }
    write_json(out / "evaluator.json", info)
    return info


def read_evaluator(folder: Path, data: PreparedData) -> dict[str, Any]:
    """evaluator.json of a complete folder; ConfigError when it is missing or was made for other images."""
    path = folder / "evaluator.json"
    if not path.exists():
        raise ConfigError(f"{path}: no such file; the evaluator is not built for this dataset")
    try:
        info = read_json(path)
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error}); remove {folder} so that it is built anew") from None
    if info["dataset_sha256"] != data.sha256:
        raise ConfigError(
            f"{path}: made for images with SHA-256 {info['dataset_sha256'][:16]}..., but {data.folder} holds "
            f"{data.sha256[:16]}...; remove {folder} so that it is built anew"
        )
    return info


def read_features(folder: Path, split: Split, info: dict[str, Any]) -> Features:
    """Cached features and logits of a split's real images, in the order of the prepared dataset.

    Raises ConfigError unless they were made by the evaluator and from the images that ``info`` names.
    """
    return _read(folder, split, info, ("features", "logits"))


def read_radii(folder: Path, split: Split, info: dict[str, Any]) -> np.ndarray | None:
    """What ``neighbours.squared_radii`` gives for these features, (N,); None in a file of an earlier version."""
    return _read(folder, split, info, (), ("radii",)).get("radii")


def _read(
    folder: Path, split: Split, info: dict[str, Any], names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Arrays of a file of features, after checking what it was made by and from."""
    path = folder / f"features_{split}.npz"
    expected = (info["digest"], info["dataset_sha256"])
    try:
        with np.load(path, allow_pickle=False) as file:
            found = (str(file["evaluator_digest"]), str(file["dataset_sha256"]))
            if found == expected:
                return {name: file[name] for name in (*names, *(name for name in optional if name in file))}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); remove {folder} so that it is built anew") from None
    raise ConfigError(
        f"{path}: made by evaluator {found[0]} from images {found[1][:16]}..., expected {expected[0]} and "
        f"{expected[1][:16]}...; remove {folder} so that it is built anew"
    )


def load_extractor(
    folder: Path, info: dict[str, Any], device: torch.device | str = "cpu", weights: Path | None = None
) -> Extractor:
    """The network of an evaluator's folder, after checking that its weights are those of the cached features.

    weights: where Inception's weights are now, when not at the place where they were.
    """
    path = folder / info["weights"] if info["evaluator"] == "classifier" else weights or Path(info["weights"])
    if not path.exists():
        raise ConfigError(
            f"{path}: the weights of the evaluator are missing; see `inception_weights` in config/config.yaml"
        )
    if (found := file_sha256(path)) != info["weights_sha256"]:
        raise ConfigError(
            f"{path}: SHA-256 {found[:16]}..., but the features in {folder} were made with "
            f"{info['weights_sha256'][:16]}...; remove {folder} so that it is built anew"
        )
    load = classifier.load_classifier if info["evaluator"] == "classifier" else inception.load_inception
    return load(path, device)


def _digest(name: str, weights_sha256: str) -> str:
    """Identifies what turns pixels into features: kind, preprocessing and weights."""
    return text_digest(f"{name}\n{PREPROCESSING[name]}\n{weights_sha256}")


def _present(
    name: str, data: PreparedData, options: EvaluatorSpec, out: Path, weights: Path | None
) -> dict[str, Any] | None:
    """evaluator.json if the folder is complete and of this dataset, these options and these weights, else None."""
    try:
        info = read_evaluator(out, data)
        current = out / info["weights"] if name == "classifier" else weights
        assert current is not None
        same = info["evaluator"] == name and info["digest"] == _digest(name, file_sha256(current))
        if name == "classifier":
            same = same and info["options"] == options.to_dict()
        for split in SPLITS:
            read_features(out, split, info)
    except (ConfigError, OSError, KeyError, ValueError):  # whatever is missing or unreadable is made anew
        return None
    return info if same else None


def _train(data: PreparedData, options: EvaluatorSpec, path: Path, device: torch.device | str) -> Extractor:
    """Train the classifier on the train split, write its weights, and return it as read back from them."""
    labels = data.labels("train")
    name = data.info.get("source_title") or data.folder.name
    if np.any(labels < 0) or len(np.unique(labels)) < 2:
        raise ConfigError(
            f"the evaluator 'classifier' needs labels of at least 2 classes, and of the {len(labels)} training images "
            f"of '{name}' ({data.folder}) {np.sum(labels < 0)} have none and the others "
            f"{len(np.unique(labels[labels >= 0]))} classes; use `evaluator: inception` in the study's `scores`"
        )
    num_classes = max(int(labels.max()) + 1, len(data.classes or ()))
    images = torch.from_numpy(np.array(data.images("train")))
    net = classifier.train_classifier(images, torch.from_numpy(np.array(labels)), num_classes, options, device)
    classifier.save_classifier(net, path)
    return classifier.load_classifier(path, device)


def _accuracy(name: str, features: Features, labels: np.ndarray) -> float | None:
    """Share of images the classifier gets right; None for inception, whose classes are others."""
    if name != "classifier":
        return None
    return classifier.accuracy(torch.from_numpy(features["logits"]), torch.from_numpy(np.array(labels)))


def _write_features(path: Path, features: Features, digest: str, dataset_sha256: str) -> None:
    with atomic_path(path) as temporary:
        np.savez(temporary, **features, evaluator_digest=digest, dataset_sha256=dataset_sha256)  # type: ignore[arg-type]
