"""Score records of sets of samples under the protocols of a study, with the real images of one dataset."""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.schema import ConfigError, text_digest
from sngan_repro.data.dataset import PreparedData, Split
from sngan_repro.evaluation.build import load_extractor, read_evaluator, read_features, read_radii
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.faults import detour, repeated
from sngan_repro.evaluation.feasible import infeasible
from sngan_repro.evaluation.features import Extractor, Features, KeptFeatures, extract
from sngan_repro.evaluation.metrics import Timed, select, take, timed
from sngan_repro.evaluation.protocol import metric_name
from sngan_repro.evaluation.scores import SCORES, Sets
from sngan_repro.nets.latents import LabelLaw, class_labels

Record = dict[str, Any]
Images = dict[tuple[int, str, bool], np.ndarray | torch.Tensor | None]
"""ProtocolSpec.images_key -> uint8 images (N, H, W, C), generated ones on the device; None if there are none."""


@dataclass
class Scorer:
    """The features of one dataset's real images by each evaluator in use. Read once, shared by all snapshots."""

    data: PreparedData
    protocols: list[ProtocolSpec]
    folders: dict[str, Path]
    infos: dict[str, dict[str, Any]] = field(init=False)
    extractors: dict[str, Extractor] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _features: dict[tuple[str, str], Features] = field(default_factory=dict)
    _references: dict[tuple[str, str, int | None, int], KeptFeatures] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = dict.fromkeys(protocol.evaluator for protocol in self.protocols)
        if absent := [name for name in names if name not in self.folders]:
            raise ConfigError(f"no evaluator folder is given for {', '.join(absent)}")
        self.infos = {name: read_evaluator(self.folders[name], self.data) for name in names}

        for protocol in self.protocols:
            available = self.data.num(protocol.reference)
            if protocol.num_real is not None and protocol.num_real > available:
                raise ConfigError(
                    f"{_where(protocol)}: `num_real` is {protocol.num_real}, but the {protocol.reference} split of "
                    f"{self.data.folder} has {available} images"
                )

    def check_feasible(self) -> None:
        """Raise ConfigError if a protocol has too few images for one of its metrics."""
        for protocol in self.protocols:
            num_real = protocol.num_real or self.data.num(protocol.reference)
            for metric in protocol.metrics:
                if reason := infeasible(metric, protocol, protocol.num_fake, num_real):
                    raise ConfigError(f"{_where(protocol)}: {reason} (reference: the {protocol.reference} split)")

    def identity(self, *made_from: Any) -> str:
        """A digest of everything that the scores depend on. made_from: what is scored, as JSON values."""
        protocols = [protocol.to_dict() for protocol in self.protocols]
        digests = {name: info["digest"] for name, info in self.infos.items()}
        versions = importlib.metadata.version("torch-fidelity")
        return text_digest(json.dumps([made_from, protocols, digests, self.data.sha256, versions], sort_keys=True))

    def load_extractors(
        self, device: torch.device, inception_weights: Path | None, names: Collection[str] | None = None
    ) -> None:
        """Load the networks of the named evaluators, by default of all."""
        self.device = device
        for name in self.infos if names is None else names:
            self.extractors[name] = load_extractor(self.folders[name], self.infos[name], device, inception_weights)

    def features_of(self, protocol: ProtocolSpec, images: np.ndarray | torch.Tensor) -> Features:
        """Features of images to be scored, uint8 (N, H, W, C), after the protocol's ``fault_detour`` if it has one."""
        if protocol.fault_detour is not None:
            images = images.cpu().numpy() if isinstance(images, torch.Tensor) else images
            images = detour(images, protocol.fault_detour)
        batch_size = EVALUATORS.get(protocol.evaluator).batch_size
        return extract(self.extractors[protocol.evaluator], images, batch_size, self.device)

    def real_features(self, evaluator: str, split: Split) -> Features:
        """All features of a split's real images, read from the evaluator's folder at the first call."""
        key = (evaluator, split)
        if key not in self._features:
            found = read_features(self.folders[evaluator], split, self.infos[evaluator])
            labels = self.data.labels(split)
            self._features[key] = found if self.data.classes is None else {**found, "labels": labels}
        return self._features[key]

    def reference(self, protocol: ProtocolSpec) -> KeptFeatures:
        """The features of the protocol's real images. Statistics computed from them are kept with them."""
        key = (protocol.evaluator, protocol.reference, protocol.num_real, protocol.seed)
        if key not in self._references:
            features, radii = self.real_features(protocol.evaluator, protocol.reference), None
            if protocol.num_real is not None:
                available = len(features["features"])
                features = take(features, select(protocol.num_real, available, protocol.seed))
            else:
                radii = read_radii(self.folders[protocol.evaluator], protocol.reference, self.infos[protocol.evaluator])
            self._references[key] = KeptFeatures(features, self.device, radii)
        return self._references[key]

    def records(
        self,
        identity: Record,
        protocols: Sequence[ProtocolSpec],
        images: Images,
        offset: int | None,
        label_law: LabelLaw | None = None,
    ) -> list[Record]:
        """The records of one set of samples under some of the scorer's protocols.

        offset: added to the protocol's seed for the latents; None for images that were not generated here. label_law:
        of the class-conditional G that generated them.
        """
        passed: dict[FeaturesKey, Features] = {}
        records = []
        for protocol in protocols:
            seed = None if offset is None else protocol.seed + offset
            samples = images[protocol.images_key]
            if samples is None:
                records += self.score(identity, protocol, None, seed)
                continue
            key = features_key(protocol)
            if key not in passed:
                needed = max(p.num_distinct for p in protocols if features_key(p) == key)
                passed[key] = self.features_of(protocol, samples[:needed])
                if label_law is not None and seed is not None:
                    passed[key]["labels"] = class_labels(needed, label_law, seed).numpy()
            features = repeated(take(passed[key], slice(protocol.num_distinct)), protocol)
            records += self.score(identity, protocol, features, seed)
        return records

    def score(
        self, identity: Record, protocol: ProtocolSpec, fake: Features | None, sampling_seed: int | None
    ) -> list[Record]:
        """One record for each metric of a protocol. Without ``fake`` their values are null."""
        real = self.reference(protocol)
        if fake is None:
            found: Timed = dict.fromkeys(protocol.metrics, ((None, None, None), 0.0))
        else:
            found = timed(protocol, fake, real)
        conditions = {
            **protocol.to_dict(),
            "num_fake_used": 0 if fake is None else len(fake["features"]),
            "num_real_used": len(real["features"]),
            "evaluator_digest": self.infos[protocol.evaluator]["digest"],
            "dataset_sha256": self.data.sha256,
            "torch_fidelity": importlib.metadata.version("torch-fidelity"),
        }
        by_class = {} if fake is None else self._by_class(protocol, Sets(fake, real, protocol), found)
        return [
            {
                **identity,
                "metric": metric_name(protocol, metric),
                "value": value,
                "spread": spread,
                "spread_over": over,
                "sampling_seed": sampling_seed,
                "protocol": conditions,
                "seconds": round(seconds, 4),
                **({"by_class": by_class[metric]} if metric in by_class else {}),
            }
            for metric, ((value, spread, over), seconds) in found.items()
        ]

    def _by_class(self, protocol: ProtocolSpec, sets: Sets, found: Timed) -> dict[str, dict[str, float | None]]:
        """metric -> name of the class -> its score, None where it has none; for metrics with a value per class."""
        names = self.data.classes or []
        return {
            metric: {
                names[label]: score if math.isfinite(score) else None
                for label, score in SCORES.get(metric).by_class(sets).items()
            }
            for metric, ((value, _, _), _) in found.items()
            if value is not None and SCORES.get(metric).has_classes
        }


FeaturesKey = tuple[tuple[int, str, bool], int | None, str]


def features_key(protocol: ProtocolSpec) -> FeaturesKey:
    """Protocols with equal keys share one pass of their images through an evaluator."""
    return protocol.images_key, protocol.fault_detour, protocol.evaluator


def _where(protocol: ProtocolSpec) -> str:
    return f"scores: {metric_name(protocol, protocol.metrics[0])}"
