"""The gallery of one run: samples beside the nearest real images, and images on the way between two latents."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from sngan_repro.config.finished import read_finished
from sngan_repro.config.gallery import GallerySpec, Way
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import atomic_path, file_lock, file_sha256
from sngan_repro.core.runtime import device_info, repeatable, versions
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.data.dataset import PreparedData
from sngan_repro.evaluation.build import SPLITS
from sngan_repro.evaluation.metrics import select
from sngan_repro.evaluation.neighbours import Nearest, nearer_share, nearest, small_pixels
from sngan_repro.evaluation.score import same_result
from sngan_repro.evaluation.scorer import Scorer
from sngan_repro.nets.latents import LAWS, interpolate, latents
from sngan_repro.nets.sampling import NonFiniteImages, SampleOptions, generate_on_device, to_uint8
from sngan_repro.nets.snapshot import LoadedGenerator, load_generator


class _Space(NamedTuple):
    """What distances are measured in: rows of the training images, of held-out ones, and of samples."""

    train: torch.Tensor
    held_out: torch.Tensor
    fake: torch.Tensor


def make_gallery(
    run: RunPaths,
    gallery: GallerySpec,
    protocol: ProtocolSpec,
    dataset_dir: Path,
    evaluator_dirs: dict[str, Path],
    device: torch.device | str = "cpu",
    inception_weights: Path | None = None,
) -> dict[str, Any]:
    """Write images and record of the final snapshot of a run (gallery.npz, gallery.json); returns the record.

    A gallery of the same snapshot, made in the same way, is left as it is.

    protocol: its evaluator gives the features. The arrays, all uint8 (..., H, W, C): ``samples`` (n, ...), the nearest
    training images ``by_pixels`` and ``by_features`` (n, k, ...), and ``linear`` and, for normal latents, ``spherical``
    (rows, columns, ...). The record has the share of pairs in which a sample is nearer to the training images than a
    held-out image is (:func:`nearer_share`), by pixels and by features, and the longest step on the linear ways,
    divided by their median step. A generator with pixels that are not finite has none of these.
    """
    read_finished(run)  # before the lock, which would make the folder of a run that does not exist
    with file_lock(run.gallery.with_name(f".{run.gallery.stem}.lock"), wait=True):
        return _make_gallery(
            run, gallery, protocol, dataset_dir, evaluator_dirs, torch.device(device), inception_weights
        )


def _make_gallery(
    run: RunPaths,
    gallery: GallerySpec,
    protocol: ProtocolSpec,
    dataset_dir: Path,
    evaluator_dirs: dict[str, Path],
    device: torch.device,
    inception_weights: Path | None,
) -> dict[str, Any]:
    started = time.perf_counter()
    spec, status = read_finished(run)
    snapshot = status["snapshots"][-1]
    path = run.snapshot(snapshot["steps"])
    if not path.is_file() or file_sha256(path) != snapshot["sha256"]:
        raise ConfigError(f"{path}: not the snapshot that {run.status} lists; {run.remedy}")
    scorer = Scorer(PreparedData.open(dataset_dir), [protocol], evaluator_dirs)
    made_from = scorer.identity(spec.digest(), snapshot["sha256"], gallery.to_dict())
    if run.gallery_images.exists() and (present := same_result(run.gallery, made_from)) is not None:
        return present
    scorer.load_extractors(device, inception_weights)
    loaded = load_generator(path, device)
    record: dict[str, Any] = {
        "spec_digest": spec.digest(),
        "made_from": made_from,
        "gallery": gallery.to_dict(),
        "evaluator": protocol.evaluator,
        "steps": snapshot["steps"],
        "nearer": None,
        "longest_step": None,
        "device": device_info(device),
        "versions": versions(),
    }
    arrays: dict[str, np.ndarray] = {}
    try:
        options = SampleOptions(label_law=loaded.label_law)
        count = max(gallery.num_fake, gallery.look_alikes)
        fakes = generate_on_device(loaded.G, spec.nets, count, gallery.seed, device, options)
    except NonFiniteImages as error:
        record["remark"] = str(error)
    else:
        found, record["nearer"] = _look_alikes(gallery, protocol, scorer, fakes)
        ways, record["longest_step"] = _interpolations(gallery, protocol, scorer, loaded)
        arrays = found | ways
    with atomic_path(run.gallery_images) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    record["images_sha256"] = file_sha256(run.gallery_images)
    record["seconds"] = round(time.perf_counter() - started, 3)
    write_sealed_json(run.gallery, record)
    return record


def _look_alikes(
    gallery: GallerySpec, protocol: ProtocolSpec, scorer: Scorer, fakes: torch.Tensor
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """(samples and their nearest training images, how often a sample is nearer than a held-out image is)."""
    data = scorer.data
    kept = select(min(gallery.num_fake, data.num("test")), data.num("test"), gallery.seed)  # of the held-out images
    train, test = (scorer.real_features(protocol.evaluator, split)["features"] for split in SPLITS)
    fake = scorer.features_of(protocol.without_faults, fakes)["features"]
    spaces = {
        "pixels": _Space(
            small_pixels(data.images("train"), gallery.pixels),
            small_pixels(data.images("test")[kept], gallery.pixels),
            small_pixels(fakes.cpu(), gallery.pixels),
        ),
        "features": _Space(*(torch.from_numpy(np.ascontiguousarray(part)) for part in (train, test[kept], fake))),
    }
    shown = gallery.look_alikes
    arrays, shares = {"samples": fakes[:shown].cpu().numpy()}, {}
    with repeatable():
        for name, space in spaces.items():
            of_fakes = _nearest(space.fake, space.train, gallery.neighbours, scorer.device)
            of_held_out = _nearest(space.held_out, space.train, 1, scorer.device)
            rows = of_fakes.indices[:shown]
            images = data.images("train")
            arrays[f"by_{name}"] = np.stack([np.stack([images[row] for row in line]) for line in rows.tolist()])
            shares[name] = nearer_share(of_fakes.distances[: gallery.num_fake, 0], of_held_out.distances[:, 0])
    return arrays, shares


def _nearest(queries: torch.Tensor, others: torch.Tensor, count: int, device: torch.device) -> Nearest:
    return nearest(queries.to(device), others.to(device), min(count, len(others)))


@torch.no_grad()
def _interpolations(
    gallery: GallerySpec, protocol: ProtocolSpec, scorer: Scorer, loaded: LoadedGenerator
) -> tuple[dict[str, np.ndarray], float | None]:
    """(the images on each way, the longest over the median step of the linear ways; the largest of all rows)."""
    nets, law, device = loaded.spec.nets, loaded.label_law, scorer.device
    ends = latents(2 * gallery.rows, nets.z_dim, nets.z_law, gallery.seed).view(gallery.rows, 2, -1)
    classes = None if law is None else torch.arange(gallery.rows) % len(law.shares)  # one class per row

    def images(way: Way, steps: int) -> torch.Tensor:
        """uint8 (rows, steps, H, W, C)"""
        z = interpolate(ends[:, 0], ends[:, 1], steps, nets.z_law, way).flatten(0, 1)
        labels = None if classes is None else classes.repeat_interleave(steps)
        parts = []
        for rows in torch.arange(len(z)).split(128):
            given = None if labels is None else labels[rows].to(device)
            parts.append(to_uint8(loaded.G(z[rows].to(device), given)))
        return torch.cat(parts).unflatten(0, (gallery.rows, steps))

    ways: list[Way] = ["linear", "spherical"] if LAWS[nets.z_law].raw == "normal" else ["linear"]
    with repeatable():
        arrays = {str(way): images(way, gallery.columns).cpu().numpy() for way in ways}
        fine = images("linear", gallery.fine_steps + 1)
    features = scorer.features_of(protocol.without_faults, fine.flatten(0, 1))["features"]
    return arrays, longest_step(features.reshape(gallery.rows, gallery.fine_steps + 1, -1))


def longest_step(features: np.ndarray) -> float | None:
    """The longest step divided by the median step, of the way on which this is largest; None without any change.

    features: of the images on each way, (ways, steps + 1, D).
    """
    steps = np.linalg.norm(np.diff(features.astype(np.float64), axis=1), axis=2)  # (ways, steps)
    medians = np.median(steps, axis=1)
    moving = medians > 0
    return float((steps.max(axis=1)[moving] / medians[moving]).max()) if moving.any() else None
