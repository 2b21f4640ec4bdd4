"""Scores of one run, all its snapshots in one process, and the scores of real images under the same protocols."""

from __future__ import annotations

import importlib.metadata
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sngan_repro.config import ConfigError, parse, text_digest
from sngan_repro.data.dataset import PreparedData, Split
from sngan_repro.evaluate.build import BATCH_SIZE, load_extractor, read_evaluator, read_features
from sngan_repro.evaluate.external import read_external
from sngan_repro.evaluate.features import Extractor, Features, extract
from sngan_repro.evaluate.frechet import Gaussian, gaussian
from sngan_repro.evaluate.metrics import Timed, infeasible, select, take, timed
from sngan_repro.files import file_sha256, read_json, write_json
from sngan_repro.paths import RunPaths
from sngan_repro.runtime import device_info, versions
from sngan_repro.sample import NonFiniteImages, generate, load_generator
from sngan_repro.specs import ProtocolSpec, RunSpec

log = logging.getLogger(__name__)

Record = dict[str, Any]


def score_run(
    run: RunPaths,
    protocols: list[ProtocolSpec],
    dataset_dir: Path,
    evaluator_dirs: dict[str, Path],
    device: torch.device | str = "cpu",
    inception_weights: Path | None = None,
) -> dict[str, Any]:
    """Score every snapshot that status.json lists under every protocol; writes and returns scores.json.

    Per snapshot, images are generated once for each (seed, batch-norm mode) and pass once through each evaluator; a
    protocol uses the first ``num_fake`` of them. Where ``samples/<updates>.npy`` stands instead of a snapshot (an
    external program), its first ``num_fake`` images are scored; protocols with batch-norm statistics of their own
    cannot apply to those and give null. A generator with non-finite pixels gives null too.

    evaluator_dirs: folder of each evaluator that the protocols name. inception_weights: where they are now, if not
    where the evaluator was built with them. Raises ConfigError when a file is missing, is not the one that status.json
    or the evaluator was made with, or holds too few images for a protocol.
    """
    started = time.perf_counter()
    spec = parse(RunSpec, read_json(run.spec), str(run.spec))
    status = read_json(run.status)
    if status.get("spec_digest", spec.digest()) != spec.digest():
        raise ConfigError(f"{run.status}: belongs to another specification than {run.spec}; train the run again")
    scorer = _Scorer(PreparedData.open(dataset_dir), protocols, evaluator_dirs)
    scorer.check_feasible()
    scorer.load_extractors(torch.device(device), inception_weights)
    records = []
    for snapshot in status["snapshots"]:
        identity = {
            "study": spec.study,
            "dataset": spec.dataset,
            "method": spec.label,
            "setting": spec.setting,
            "seed": spec.seed,
            "updates": snapshot["steps"],
            "images_seen": snapshot.get("images_seen"),
        }
        images = _images_of(run, spec, snapshot, scorer, torch.device(device))
        records += scorer.records(identity, images)
    return _write(run.scores, spec.digest(), records, started, torch.device(device))


def score_real(
    protocols: list[ProtocolSpec],
    dataset_name: str,
    study_name: str,
    dataset_dir: Path,
    evaluator_dirs: dict[str, Path],
    out: Path,
) -> dict[str, Any]:
    """Score real images in the place of generated ones, from cached features; writes and returns ``out``.

    The images come from the split that is not the protocol's reference, ``num_fake`` of them drawn without replacement
    by the protocol's seed, or all when there are fewer (``num_fake_used`` says how many). A metric that so few cannot
    give is null.
    """
    started = time.perf_counter()
    scorer = _Scorer(PreparedData.open(dataset_dir), protocols, evaluator_dirs)
    identity = {
        "study": study_name,
        "dataset": dataset_name,
        "method": "Real data",
        "setting": None,
        "seed": None,
        "updates": None,
        "images_seen": None,
    }
    records = []
    for protocol in protocols:
        other: Split = "test" if protocol.reference == "train" else "train"
        features = scorer.real_features(protocol.evaluator, other)
        available = len(features["features"])
        chosen = select(min(protocol.num_fake, available), available, protocol.seed)
        records += scorer.score(identity, protocol, take(features, chosen))
    digest = text_digest("\n".join([dataset_name, *(protocol.to_json() for protocol in protocols)]))
    return _write(out, digest, records, started, torch.device("cpu"))


@dataclass
class _Scorer:
    """The real images of one dataset under the evaluators in use: read once, shared by all snapshots."""

    data: PreparedData
    protocols: list[ProtocolSpec]
    folders: dict[str, Path]
    infos: dict[str, dict[str, Any]] = field(init=False)
    extractors: dict[str, Extractor] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _features: dict[tuple[str, str], Features] = field(default_factory=dict)
    _references: dict[tuple[str, str, int | None, int], tuple[Features, Gaussian | None]] = field(default_factory=dict)

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
        """Raise ConfigError for a metric that cannot be computed from so many images as its protocol says."""
        for protocol in self.protocols:
            num_real = protocol.num_real or self.data.num(protocol.reference)
            for metric in protocol.metrics:
                if reason := infeasible(metric, protocol, protocol.num_fake, num_real):
                    raise ConfigError(f"{_where(protocol)}: {reason} (reference: the {protocol.reference} split)")

    def load_extractors(self, device: torch.device, inception_weights: Path | None) -> None:
        self.device = device
        for name, info in self.infos.items():
            self.extractors[name] = load_extractor(self.folders[name], info, device, inception_weights)

    def real_features(self, evaluator: str, split: Split) -> Features:
        key = (evaluator, split)
        if key not in self._features:
            self._features[key] = read_features(self.folders[evaluator], split, self.infos[evaluator])
        return self._features[key]

    def reference(self, protocol: ProtocolSpec) -> tuple[Features, Gaussian | None]:
        """The protocol's real features, and their Gaussian if it has an FID."""
        key = (protocol.evaluator, protocol.reference, protocol.num_real, protocol.seed)
        if key not in self._references:
            features = self.real_features(protocol.evaluator, protocol.reference)
            if protocol.num_real is not None:
                available = len(features["features"])
                features = take(features, select(protocol.num_real, available, protocol.seed))
            self._references[key] = features, None
        features, fitted = self._references[key]
        if fitted is None and "fid" in protocol.metrics and len(features["features"]) > 1:
            fitted = gaussian(features["features"])
            self._references[key] = features, fitted
        return features, fitted

    def records(self, identity: Record, images: dict[tuple[int, str], np.ndarray | None]) -> list[Record]:
        """Records of one set of samples. images: (seed, batch-norm mode) -> uint8 images, None where there are none."""
        passed: dict[tuple[int, str, str], Features] = {}
        records = []
        for protocol in self.protocols:
            samples = images[protocol.seed, protocol.batch_norm]
            if samples is None:
                records += self.score(identity, protocol, None)
                continue
            key = (protocol.seed, protocol.batch_norm, protocol.evaluator)
            if key not in passed:
                needed = max(p.num_fake for p in self.protocols if (p.seed, p.batch_norm, p.evaluator) == key)
                extractor = self.extractors[protocol.evaluator]
                passed[key] = extract(extractor, samples[:needed], BATCH_SIZE[protocol.evaluator], self.device)
            records += self.score(identity, protocol, take(passed[key], slice(protocol.num_fake)))
        return records

    def score(self, identity: Record, protocol: ProtocolSpec, fake: Features | None) -> list[Record]:
        """One record per metric of a protocol; ``fake`` None gives null values."""
        real, fitted = self.reference(protocol)
        if fake is None:
            found: Timed = dict.fromkeys(protocol.metrics, ((None, None, None), 0.0))
        else:
            found = timed(protocol, fake, real, fitted)
        conditions = {
            **protocol.to_dict(),
            "num_fake_used": 0 if fake is None else len(fake["features"]),
            "num_real_used": len(real["features"]),
            "evaluator_digest": self.infos[protocol.evaluator]["digest"],
            "dataset_sha256": self.data.sha256,
            "torch_fidelity": importlib.metadata.version("torch-fidelity"),
        }
        return [
            {
                **identity,
                "metric": protocol.metric_name(metric),
                "value": value,
                "spread": spread,
                "spread_over": over,
                "protocol": conditions,
                "seconds": round(seconds, 4),
            }
            for metric, ((value, spread, over), seconds) in found.items()
        ]


def _images_of(
    run: RunPaths, spec: RunSpec, snapshot: dict[str, Any], scorer: _Scorer, device: torch.device
) -> dict[tuple[int, str], np.ndarray | None]:
    """The images of one snapshot for every (seed, batch-norm mode) in use, as many as the largest protocol needs."""
    needed: dict[tuple[int, str], int] = {}
    for protocol in scorer.protocols:
        key = (protocol.seed, protocol.batch_norm)
        needed[key] = max(needed.get(key, 0), protocol.num_fake)
    steps = snapshot["steps"]
    path = run.snapshot(steps)
    external = run.external_samples(steps)
    if not path.exists() and external.exists():
        samples = read_external(external, scorer.data.image_shape, max(needed.values()), snapshot.get("sha256"))
        return {key: samples if key[1] == "running" else None for key in needed}
    if not path.exists():
        raise ConfigError(
            f"{path}: listed in {run.status} but missing, and there is no {external}; train the run again"
        )
    if (found := file_sha256(path)) != snapshot.get("sha256"):
        raise ConfigError(
            f"{path}: SHA-256 {found}, but {run.status} lists {snapshot.get('sha256')}: this is not the snapshot that "
            "the training wrote; train the run again"
        )
    G, stored = load_generator(path, device)
    if stored.digest() != spec.digest():
        raise ConfigError(f"{path}: made under another specification than {run.spec}; train the run again")
    images: dict[tuple[int, str], np.ndarray | None] = {}
    for (seed, batch_norm), count in needed.items():
        try:
            images[seed, batch_norm] = generate(G, spec.nets, count, seed, device, batch_norm=batch_norm)  # type: ignore[arg-type]
        except NonFiniteImages as error:
            log.warning("%s: %s; its scores are null", path, error)
            images[seed, batch_norm] = None
    return images


def _where(protocol: ProtocolSpec) -> str:
    return f"scores: {protocol.metric_name(protocol.metrics[0])}"


def _write(path: Path, digest: str, records: list[Record], started: float, device: torch.device) -> dict[str, Any]:
    scores = {
        "spec_digest": digest,
        "records": records,
        "seconds": round(time.perf_counter() - started, 3),
        "device": device_info(device),
        "versions": versions(),
    }
    write_json(path, scores)
    return scores
