"""The scores of real images, drawn as a perfect generator would draw them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.schema import text_digest
from sngan_repro.data.dataset import PreparedData, Split
from sngan_repro.evaluation.faults import repeated, stretched_uint8
from sngan_repro.evaluation.features import Features
from sngan_repro.evaluation.metrics import select, take
from sngan_repro.evaluation.score import write_scores
from sngan_repro.evaluation.scorer import Record, Scorer, features_key
from sngan_repro.evaluation.selection import REAL_DRAWS, REAL_SEED


def score_real(
    protocols: list[ProtocolSpec],
    dataset_name: str,
    study_name: str,
    dataset_dir: Path,
    evaluator_dirs: dict[str, Path],
    out: Path,
    device: torch.device | str = "cpu",
    inception_weights: Path | None = None,
    num_draws: int = REAL_DRAWS,
) -> dict[str, Any]:
    """Score real images as if they were generated, from cached features; writes and returns ``out``.

    The images come from the split that is not the protocol's reference. Each protocol scores ``num_draws`` draws of as
    many images as it generates (:func:`draw_real`); ``seed`` of a record is the number of the draw. The values are null
    if that split has fewer images. The protocol's faults are applied, too. If a fault changes pixels, the drawn images
    pass through the evaluator on ``device`` once. inception_weights: as in
    :func:`sngan_repro.evaluation.score.score_run`.
    """
    started = time.perf_counter()
    data = PreparedData.open(dataset_dir, verify=True)  # the first use of these images by the study
    scorer = Scorer(data, protocols, evaluator_dirs)
    changing = dict.fromkeys(protocol.evaluator for protocol in protocols if protocol.changes_pixels)
    scorer.load_extractors(torch.device(device), inception_weights, changing)
    draws = [(protocol, [_draw(data, protocol, number) for number in range(num_draws)]) for protocol in protocols]
    changed = _ChangedFeatures(scorer, draws)
    records: list[Record] = []
    for protocol, chosen in draws:
        for number, indices in enumerate(chosen):
            features = None
            if indices is not None:
                if protocol.changes_pixels:
                    found = changed.take(protocol, indices)
                else:
                    found = take(scorer.real_features(protocol.evaluator, other(protocol)), indices)
                features = repeated(found, protocol)
            identity = _identity(study_name, dataset_name, number)
            records += scorer.score(identity, protocol, features, protocol.seed + REAL_SEED + number)
    digest = text_digest("\n".join([dataset_name, *(protocol.to_json() for protocol in protocols)]))
    return write_scores(out, digest, records, started, torch.device(device), scorer.identity(num_draws))


def draw_real(count: int, pool: np.ndarray, reference: np.ndarray, seed: int) -> np.ndarray | None:
    """Sorted indices of ``count`` images of a pool, drawn as a perfect generator would draw; None if it has too few.

    pool, reference: classes (N,) of the images that are drawn and of those that they are compared with. Splits are
    often made with equal shares of each class. A generator has no such help: the class of each of its images is random.
    So the numbers of images per class are multinomial with the shares of the reference, and then the images of a class
    are drawn without replacement. Where chance wants more images of a class than there are, some are drawn twice.
    """
    if count > len(pool):
        return None
    random = np.random.default_rng(seed)
    classes, sizes = np.unique(reference, return_counts=True)
    chosen: list[np.ndarray] = []
    for label, wanted in zip(classes, random.multinomial(count, sizes / sizes.sum()), strict=True):
        members = random.permutation(np.flatnonzero(pool == label))
        if wanted and not len(members):
            return None
        chosen.append(np.resize(members, wanted))  # begins again after the last one
    return np.sort(np.concatenate(chosen))


def other(protocol: ProtocolSpec) -> Split:
    """The split that is not the protocol's reference."""
    return "test" if protocol.reference == "train" else "train"


def _draw(data: PreparedData, protocol: ProtocolSpec, number: int) -> np.ndarray | None:
    split, count, seed = other(protocol), protocol.num_distinct, protocol.seed + REAL_SEED + number
    if data.classes is not None:
        return draw_real(count, data.labels(split), data.labels(protocol.reference), seed)
    return select(count, data.num(split), seed) if count <= data.num(split) else None


def _identity(study: str, dataset: str, draw: int) -> Record:
    return {
        "study": study,
        "dataset": dataset,
        "label": "Real data",
        "setting": None,
        "seed": draw,
        "steps": None,
        "images_seen": None,
        "selection": None,
    }


class _ChangedFeatures:
    """Features of drawn images whose pixels a fault changes. Each image passes through each evaluator once."""

    def __init__(self, scorer: Scorer, draws: list[tuple[ProtocolSpec, list[np.ndarray | None]]]) -> None:
        wanted: dict[Any, list[np.ndarray]] = {}
        by_key: dict[Any, ProtocolSpec] = {}
        for protocol, chosen in draws:
            if protocol.changes_pixels:
                by_key[self._key(protocol)] = protocol
                wanted.setdefault(self._key(protocol), []).extend(part for part in chosen if part is not None)
        self.found: dict[Any, tuple[np.ndarray, Features]] = {}
        for key, parts in wanted.items():
            if parts:
                indices = np.unique(np.concatenate(parts))
                self.found[key] = indices, self._pass(scorer, by_key[key], indices)

    @staticmethod
    def _key(protocol: ProtocolSpec) -> tuple[object, ...]:
        return (*features_key(protocol), protocol.reference)

    @staticmethod
    def _pass(scorer: Scorer, protocol: ProtocolSpec, indices: np.ndarray) -> Features:
        data, split = scorer.data, other(protocol)
        images = data.images(split)[indices]
        images = stretched_uint8(images) if protocol.fault_contrast_stretch else images
        features = scorer.features_of(protocol, images)
        if data.classes is not None:
            features["labels"] = data.labels(split)[indices]
        return features

    def take(self, protocol: ProtocolSpec, indices: np.ndarray) -> Features:
        known, features = self.found[self._key(protocol)]
        return take(features, np.searchsorted(known, indices))
