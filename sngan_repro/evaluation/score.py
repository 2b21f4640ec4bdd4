"""The scores of all snapshots of one run."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sngan_repro.config.finished import read_finished
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.records import read_json_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import file_lock, file_sha256
from sngan_repro.core.runtime import device_info, versions
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.data.arrays import read_images
from sngan_repro.data.dataset import PreparedData
from sngan_repro.evaluation.faults import stretched, stretched_uint8
from sngan_repro.evaluation.scorer import Images, Record, Scorer
from sngan_repro.evaluation.selection import BEST, RESAMPLE_SEED, best_snapshots, narrowed
from sngan_repro.nets.latents import LabelLaw
from sngan_repro.nets.sampling import NonFiniteImages, SampleOptions, generate_on_device, to_uint8
from sngan_repro.nets.snapshot import load_generator

log = logging.getLogger(__name__)

OTHERS_SECONDS = 600.0
"""After so many seconds a process begins no further run. So a job scores many runs only if each is short."""


def score_run(
    run: RunPaths,
    protocols: list[ProtocolSpec],
    dataset_dir: Path,
    evaluator_dirs: dict[str, Path],
    device: torch.device | str = "cpu",
    inception_weights: Path | None = None,
    others: Sequence[RunPaths] = (),
) -> dict[str, Any]:
    """Score each snapshot in status.json under each protocol; writes and returns the run's scores.

    Scores of the same snapshots under the same protocols, by the same evaluators, are left as they are: studies share
    runs, and another study may have scored this one since the job was planned.

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
    moved since the evaluator was built. others: further runs on the same dataset, which are scored after this one if
    they are trained. Their own jobs then find the scores, or report what is wrong. Raises ConfigError if a file is
    missing, differs from the one recorded in status.json or in the evaluator's folder, or has too few images for a
    protocol.
    """
    started = time.perf_counter()
    read_finished(run)  # before the lock, which would make the folder of a run that does not exist
    scorer = Scorer(PreparedData.open(dataset_dir), protocols, evaluator_dirs)
    scorer.check_feasible()
    with _lock(run, wait=True):
        scores = _score_run(run, scorer, torch.device(device), inception_weights)
    for other in others:
        if time.perf_counter() - started > OTHERS_SECONDS:
            break
        try:
            read_finished(other)
            with _lock(other, wait=False):
                _score_run(other, scorer, torch.device(device), inception_weights)
        except Exception as reason:  # not trained yet, being scored elsewhere, or what its own job will report
            log.info("%s: left to its own job: %s: %s", other.scores, type(reason).__name__, reason)
    return scores


def _lock(run: RunPaths, wait: bool) -> AbstractContextManager[None]:
    return file_lock(run.scores.with_name(f".{run.scores.stem}.lock"), wait)


def _score_run(run: RunPaths, scorer: Scorer, device: torch.device, inception_weights: Path | None) -> dict[str, Any]:
    started, protocols = time.perf_counter(), scorer.protocols
    spec, status = read_finished(run)
    made_from = scorer.identity(spec.digest(), [snapshot.get("sha256") for snapshot in status["snapshots"]])
    if (present := same_result(run.scores, made_from)) is not None:
        log.info("%s: scored already", run.scores)
        return present
    if not scorer.extractors:
        scorer.load_extractors(device, inception_weights)
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
    return write_scores(run.scores, spec.digest(), records, started, device, made_from)


def same_result(path: Path, made_from: str) -> dict[str, Any] | None:
    """The content of a result file that was made from the same things, else None."""
    try:
        present = read_json_record(path, "it is made again")
    except ConfigError:  # missing or damaged
        return None
    return present if present.get("made_from") == made_from else None


def _identity(spec: RunSpec, snapshot: dict[str, Any], selection: str | None) -> Record:
    return {
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
    if not path.is_file():
        raise ConfigError(f"{path}: listed in {run.status} but missing, and there is no {external}; {run.remedy}")
    if (found := file_sha256(path)) != snapshot.get("sha256"):
        raise ConfigError(
            f"{path}: SHA-256 {found}, but {run.status} lists {snapshot.get('sha256')}: this is not the snapshot that "
            f"the training wrote; {run.remedy}"
        )
    G, stored, label_law = load_generator(path, scorer.device)
    if stored.digest() != spec.digest():
        raise ConfigError(f"{path}: made under another specification than {run.spec}; {run.remedy}")
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


def write_scores(
    path: Path, digest: str, records: list[Record], started: float, device: torch.device, made_from: str
) -> dict[str, Any]:
    """Write and return the scores with the seconds since ``started`` (``time.perf_counter``)."""
    scores = {
        "spec_digest": digest,
        "made_from": made_from,
        "records": records,
        "seconds": round(time.perf_counter() - started, 3),
        "device": device_info(device),
        "versions": versions(),
    }
    write_sealed_json(path, scores)
    return scores
