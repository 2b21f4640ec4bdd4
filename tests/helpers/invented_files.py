"""The small files of an invented study: logs, samples and score records."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.specs import StudyRun
from sngan_repro.core.files import write_json
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.selection import REAL_SEED
from sngan_repro.study.study import Study

NUM_TRAIN, NUM_TEST = 96, 32


STEPS = 400


D_COLUMNS = (
    "d/accuracy_real",
    "d/accuracy_fake",
    "d/sigmoid_real",
    "d/sigmoid_fake",
    "d/sigmoid_fake_after",
    "d/input_gradient_mean",
    "d/input_gradient_p99",
    "d/input_gradient_max",
    "critic_loss/train",
    "critic_loss/held_out",
)
"""Measurements of D that an invented log has besides spectral norms."""


DEVICE = {"type": "cpu", "name": "Test processor", "threads": 1}


VERSIONS = {"python": "3.11.7", "torch": "2.14.1", "numpy": "2.4.6"}


def write_log(path: Path, steps: int, seed: int, layers: tuple[str, ...]) -> None:
    random = np.random.default_rng(seed)
    step = np.arange(1, steps + 1)
    columns: dict[str, Any] = {"step": step}
    columns["d_loss"] = 1.4 - 0.6 * step / STEPS + 0.15 * random.standard_normal(steps)
    columns["g_loss"] = 0.7 + 0.9 * step / STEPS + 0.25 * random.standard_normal(steps)
    for number, layer in enumerate(layers):
        measured = 1 + (0.4 * number + 0.1) * step / STEPS
        columns[f"spectral/{layer}"] = np.where(step % 20 == 0, measured, np.nan)
    if layers:
        for number, name in enumerate(D_COLUMNS):
            values = 0.1 + 0.08 * number * step / STEPS + 0.02 * seed
            columns[name] = np.where(step % 20 == 0, values, np.nan)
    pd.DataFrame(columns).to_parquet(path)


def write_spectra(path: Path, seed: int, layers: tuple[str, ...]) -> None:
    """Layer k has 8 (k + 1) singular values that fall by a constant factor; the last has one."""
    tables = []
    for number, layer in enumerate(layers):
        count = 1 if layer == layers[-1] else 8 * (number + 1)
        squared = (3.0 + seed) * 0.8 ** np.arange(count)
        rank = np.exp(-(squared / squared.sum() * np.log(squared / squared.sum())).sum())
        values = {"layer": layer, "number": np.arange(1, count + 1), "squared": squared, "effective_rank": rank}
        tables.append(pd.DataFrame(values))
    if tables:
        pd.concat(tables).to_parquet(path, index=False)


def invented_seconds(run: StudyRun, repeat: int) -> float:
    """The time of 100 updates: longer for longer labels and larger images; the repeats differ a little."""
    return 0.01 * len(run.label) * run.data.image_size * (1 + 0.1 * repeat)


def write_times(path: Path, runs: list[StudyRun], repeats: int) -> None:
    times = [
        {
            "label": run.label,
            "image_size": run.data.image_size,
            "n_dis": run.optimizer.n_dis,
            "repeat": repeat,
            "seconds": invented_seconds(run, repeat),
        }
        for run in runs
        for repeat in range(repeats)
    ]
    write_json(path, {"updates": 100, "min_seconds": 2.0, "times": times, "device": DEVICE, "versions": VERSIONS})


def write_samples(folder: Path, size: int, channels: int, num_snapshots: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    noises = np.linspace(0.6, 0.1, num_snapshots)
    progress = [blobs(16, size, channels, noise, seed) for noise in noises]
    np.save(folder / "progress.npy", np.stack(progress))
    np.save(folder / "final.npy", blobs(64, size, channels, 0.1, seed + 5))


def blobs(count: int, size: int, channels: int, noise: float, seed: int) -> np.ndarray:
    """Bright discs on black, uint8, (count, size, size, channels)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    centre = random.uniform(0.3, 0.7, (count, 2, 1, 1))
    radius = random.uniform(0.1, 0.3, (count, 1, 1))
    discs = ((y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 < radius**2).astype(float)
    tint = random.uniform(0.4, 1, (count, 1, 1, channels))
    images = discs[..., None] * tint + noise * random.standard_normal((count, size, size, channels))
    return (255 * images.clip(0, 1)).astype(np.uint8)


def scores_file(study: Study, records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"spec_digest": "real", "records": records, "seconds": 3.25, "device": DEVICE, "versions": VERSIONS}


def protocol_of(study: Study, metric: str) -> ProtocolSpec:
    return next(p for p in study.scores if metric in metric_names(p).values())


def score_record(study: Study, dataset: str, metric: str, value: float | None) -> dict[str, Any]:
    protocol = protocol_of(study, metric)
    is_score = metric.startswith("is")
    return {
        "study": study.name,
        "dataset": dataset,
        "selection": None,
        "metric": metric,
        "value": value,
        "spread": 0.125 if is_score else None,
        "spread_over": f"{protocol.is_splits} splits" if is_score else None,
        "sampling_seed": protocol.seed,
        "protocol": {
            **protocol.to_dict(),
            "num_fake_used": protocol.num_fake,
            "num_real_used": NUM_TRAIN,
            "evaluator_digest": sha256_of(protocol.evaluator)[:16],
            "dataset_sha256": sha256_of(dataset),
            "torch_fidelity": "0.4.0",
        },
        "seconds": 0.25,
    }


def real_record(study: Study, dataset: str, metric: str, draw: int) -> dict[str, Any]:
    values = {
        "is": 9.5,
        "fid": 2.5,
        "kid": 0.001,
        "precision": 0.9,
        "recall": 0.85,
        "confidence": 0.5,
        "duplicates": 0.5,
        "intra_fid": 4.0,
        "class_accuracy": 0.75,
    }
    kind = next(kind for kind in values if metric.startswith(kind))
    record = score_record(study, dataset, metric, values[kind] * (1 + (draw - 2) / 64))  # their mean is exact
    identity = {"label": "Real data", "setting": None, "seed": draw, "steps": None, "images_seen": None}
    return record | identity | {"sampling_seed": record["sampling_seed"] + REAL_SEED + draw}


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
