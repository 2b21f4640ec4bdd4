"""The scores of all snapshots of one run, and the scores of real images under the same protocols."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import file_sha256, read_json, write_json
from sngan_repro.core.runtime import device_info, versions
from sngan_repro.core.schema import ConfigError, parse, text_digest
from sngan_repro.data.arrays import read_images
from sngan_repro.data.dataset import PreparedData, Split
from sngan_repro.evaluation.faults import repeated, stretched, stretched_uint8
from sngan_repro.evaluation.metrics import select, take
from sngan_repro.evaluation.scorer import Images, Record, Scorer
from sngan_repro.evaluation.selection import BEST, RESAMPLE_SEED, best_snapshots, narrowed
from sngan_repro.nets.latents import LabelLaw
from sngan_repro.nets.sampling import NonFiniteImages, SampleOptions, generate_on_device, to_uint8
from sngan_repro.nets.snapshot import load_generator

log = logging.getLogger(__name__)


def score_run(
    run: RunPaths,
    protocols: list[ProtocolSpec],
    dataset_dir: Path,
    evaluator_dirs: dict[str, Path],
    device: torch.device | str = "cpu",
    inception_weights: Path | None = None,
) -> dict[str, Any]:
    """Score each snapshot in status.json under each protocol; writes and returns scores.json.

    For each snapshot, images are generated once for each (seed, batch-norm mode, contrast stretch). They pass through
    each evaluator once, and once more for each detour. A protocol uses the first ``num_fake`` of them; with
    ``fault_distinct`` it uses so many and repeats them. An external program has ``samples/<updates>.npy`` instead of a
    snapshot; its first ``num_fake`` images are scored. Such samples have no batch statistics: protocols with
    ``batch_norm: batch`` give null for them. A generator with pixels that are not finite gives null, too.

    Then the best snapshot by each metric is scored again by that metric on a fresh sample. Its latents have the
    protocol's seed + RESAMPLE_SEED; all else is as in the protocol. These records come last and have ``selection``
    "best"; in all others it is null. ``sampling_seed`` is the seed of the latents. It is null for images of an external
    program, of which there is no fresh sample.

    evaluator_dirs: the folder of each evaluator in the protocols. inception_weights: the file of the weights, if it has
    moved since the evaluator was built. Raises ConfigError if a file is missing, differs from the one recorded in
    status.json or in the evaluator's folder, or has too few images for a protocol.
    """
    started = time.perf_counter()
    spec = parse(RunSpec, read_json(run.spec), str(run.spec))
    status = read_json(run.status)
    if status.get("spec_digest", spec.digest()) != spec.digest():
        raise ConfigError(f"{run.status}: belongs to another specification than {run.spec}; train the run again")
    scorer = Scorer(PreparedData.open(dataset_dir), protocols, evaluator_dirs)
    scorer.check_feasible()
    scorer.load_extractors(torch.device(device), inception_weights)
    records: list[Record] = []
    for snapshot in status["snapshots"]:
        offset = None if _is_external(run, snapshot) else 0
        images, law = _images_of(run, spec, snapshot, scorer, protocols, offset or 0)
        records += scorer.records(_identity(spec, snapshot, None), protocols, images, offset, law)
    generated = [(r["metric"], r["steps"], r["value"]) for r in records if r["sampling_seed"] is not None]
    best = best_snapshots(protocols, generated)
    for snapshot in status["snapshots"]:
        chosen = narrowed(protocols, [name for name, steps in best.items() if steps == snapshot["steps"]])
        if chosen:
            images, law = _images_of(run, spec, snapshot, scorer, chosen, RESAMPLE_SEED)
            records += scorer.records(_identity(spec, snapshot, BEST), chosen, images, RESAMPLE_SEED, law)
    return _write(run.scores, spec.digest(), records, started, torch.device(device))


def score_real(
    protocols: list[ProtocolSpec],
    dataset_name: str,
    study_name: str,
    dataset_dir: Path,
    evaluator_dirs: dict[str, Path],
    out: Path,
    device: torch.device | str = "cpu",
    inception_weights: Path | None = None,
) -> dict[str, Any]:
    """Score real images as if they were generated, from cached features; writes and returns ``out``.

    The images come from the split that is not the protocol's reference. ``num_fake`` of them are drawn without
    replacement by the protocol's seed, or all if there are fewer (see ``num_fake_used`` of the record). A metric that
    needs more images is null. The protocol's faults are applied, too. Cached features cannot be used if a fault changes
    pixels; then the evaluator is loaded on ``device``. inception_weights: as in :func:`score_run`.
    """
    started = time.perf_counter()
    data = PreparedData.open(dataset_dir)
    scorer = Scorer(data, protocols, evaluator_dirs)
    changing = dict.fromkeys(protocol.evaluator for protocol in protocols if protocol.changes_pixels)
    scorer.load_extractors(torch.device(device), inception_weights, changing)
    identity = {
        "study": study_name,
        "dataset": dataset_name,
        "label": "Real data",
        "setting": None,
        "seed": None,
        "steps": None,
        "images_seen": None,
        "selection": None,
    }
    records = []
    for protocol in protocols:
        other: Split = "test" if protocol.reference == "train" else "train"
        chosen = select(min(protocol.num_distinct, data.num(other)), data.num(other), protocol.seed)
        if protocol.changes_pixels:
            images = data.images(other)[chosen]
            images = stretched_uint8(images) if protocol.fault_contrast_stretch else images
            features = scorer.features_of(protocol, images)
            if data.classes is not None:
                features["labels"] = data.labels(other)[chosen]
        else:
            features = take(scorer.real_features(protocol.evaluator, other), chosen)
        records += scorer.score(identity, protocol, repeated(features, protocol), protocol.seed)
    digest = text_digest("\n".join([dataset_name, *(protocol.to_json() for protocol in protocols)]))
    return _write(out, digest, records, started, torch.device(device))


def _identity(spec: RunSpec, snapshot: dict[str, Any], selection: str | None) -> Record:
    return {
        "study": spec.study,
        "dataset": spec.dataset,
        "label": spec.label,
        "setting": spec.setting,
        "seed": spec.seed,
        "steps": snapshot["steps"],
        "images_seen": snapshot.get("images_seen"),
        "selection": selection,
    }


def _is_external(run: RunPaths, snapshot: dict[str, Any]) -> bool:
    steps = snapshot["steps"]
    return not run.snapshot(steps).exists() and run.external_samples(steps).exists()


def _images_of(
    run: RunPaths,
    spec: RunSpec,
    snapshot: dict[str, Any],
    scorer: Scorer,
    protocols: list[ProtocolSpec],
    offset: int,
) -> tuple[Images, LabelLaw | None]:
    """The images of one snapshot for each ``images_key`` in use, as many as the largest protocol needs; their law of
    labels.

    offset: added to the protocol's seed for the latents.
    """
    needed: dict[tuple[int, str, bool], int] = {}
    for protocol in protocols:
        key = protocol.images_key
        needed[key] = max(needed.get(key, 0), protocol.num_distinct)
    steps = snapshot["steps"]
    path = run.snapshot(steps)
    external = run.external_samples(steps)
    if _is_external(run, snapshot):
        samples = read_images(external, scorer.data.image_shape, max(needed.values()), snapshot.get("sha256"))
        return {key: _external_images(samples[:count], *key) for key, count in needed.items()}, None
    if not path.exists():
        raise ConfigError(
            f"{path}: listed in {run.status} but missing, and there is no {external}; train the run again"
        )
    if (found := file_sha256(path)) != snapshot.get("sha256"):
        raise ConfigError(
            f"{path}: SHA-256 {found}, but {run.status} lists {snapshot.get('sha256')}: this is not the snapshot that "
            "the training wrote; train the run again"
        )
    G, stored, label_law = load_generator(path, scorer.device)
    if stored.digest() != spec.digest():
        raise ConfigError(f"{path}: made under another specification than {run.spec}; train the run again")
    images: Images = {}
    for (seed, batch_norm, stretch), count in needed.items():
        try:
            options = SampleOptions(
                batch_norm=batch_norm,  # type: ignore[arg-type]
                quantise=stretched if stretch else to_uint8,
                label_law=label_law,
            )
            images[seed, batch_norm, stretch] = generate_on_device(
                G, spec.nets, count, seed + offset, scorer.device, options
            )
        except NonFiniteImages as error:
            log.warning("%s: %s; its scores are null", path, error)
            images[seed, batch_norm, stretch] = None
    return images, label_law


def _external_images(samples: np.ndarray, seed: int, batch_norm: str, stretch: bool) -> np.ndarray | None:
    """Samples of an external program for one ``images_key``; None for batch statistics. The seed has no effect."""
    del seed
    if batch_norm != "running":
        return None
    return stretched_uint8(samples) if stretch else samples


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
