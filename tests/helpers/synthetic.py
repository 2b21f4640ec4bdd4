"""A complete, invented results tree of a small study: every file the analysis reads, without any training."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from invented_files import (
    DEVICE,
    NUM_TEST,
    NUM_TRAIN,
    STEPS,
    VERSIONS,
    blobs,
    protocol_of,
    real_record,
    score_record,
    scores_file,
    sha256_of,
    write_log,
    write_samples,
    write_spectra,
    write_times,
)

from sngan_repro.config.specs import StudyRun
from sngan_repro.core.files import file_sha256, write_json
from sngan_repro.evaluation.selection import REAL_DRAWS, RESAMPLE_SEED, best_snapshots
from sngan_repro.study.benchmark import benchmark_runs
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import make_study as checked_study
from sngan_repro.study.study import Study

LAYERS = ("conv1", "conv2", "conv3", "linear")

Value = Callable[[str, StudyRun, int], float | None]
"""(full metric name, run, steps) -> score"""


DIVERGED = {"digits/BEGAN/B/seed1": 150, "digits/WGAN-GP/A/seed0": 250, "digits/WGAN-GP/A/seed1": 120}


@dataclass(frozen=True)
class Case:
    """A study and the folders of its results."""

    study: Study
    layout: Layout

    def copy(self, root: Path) -> Case:
        """A copy of the results in another folder."""
        shutil.copytree(self.layout.results_dir.parent, root, dirs_exist_ok=True)
        return Case(self.study, layout_of(self.study, root))


def layout_of(study: Study, root: Path) -> Layout:
    """The folders of a study below ``root``."""
    return Layout(study.name, root / "results", root / "data", *study.evaluations)


def make_case(root: Path, study: Study, **options: Any) -> Case:
    """Write invented results of a study below ``root``."""
    case = Case(study, layout_of(study, root))
    write_results(study, case.layout, **options)
    return case


def case_in(root: Path) -> Case:
    """The case of ``make_study()`` whose results are below ``root``."""
    study = make_study()
    return Case(study, Layout(study.name, root / "results", root / "data"))


def make_study(**changes: Any) -> Study:
    """Three methods, two settings, two seeds, one protocol; ``changes`` replace keys."""
    values: dict[str, Any] = {
        "name": "invented",
        "title": "An invented study",
        "datasets": {"digits": {"source": "digits", "image_size": 16}},
        "methods": ["sngan", "wgan_gp", "began"],
        "settings": {"A": {"lr": 0.001, "beta2": 0.9}, "B": {"lr": 0.001}},
        "seeds": [0, 1],
        "budget": {"steps": STEPS},
        "snapshots": {"count": 4},
        "scores": [{"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100}],
    }
    return checked_study(values | changes)


def invented_value(metric: str, spec: StudyRun, steps: int) -> float:
    """A plausible score: better with training, a little different per method, setting and seed."""
    words = f"{spec.dataset}{spec.label}{spec.setting}".encode()
    skill = 0.35 + 0.6 * (int(hashlib.sha256(words).hexdigest(), 16) % 1000) / 1000
    skill *= 1 - np.exp(-3 * steps / STEPS)
    skill += 0.04 * np.sin(7 * spec.seed + steps + 3 * len(spec.label) + ord(spec.setting[0]))
    kind = metric.rstrip("@").split("@")[0]
    if kind.startswith("is"):
        return 1 + 8 * skill
    if kind.startswith("fid"):
        return 120 * (1.05 - skill)
    if kind.startswith("kid"):
        return 0.3 * (1 - skill)
    return float(np.clip(skill, 0, 1))


def invented_again(metric: str, spec: StudyRun, steps: int) -> float:
    """The score of a fresh sample: near the first one, never equal to it."""
    return 0.96875 * invented_value(metric, spec, steps)


def write_results(
    study: Study,
    layout: Layout,
    diverged: dict[str, int] | None = None,
    value: Value = invented_value,
    layers: tuple[str, ...] = LAYERS,
    again: Value | None = invented_again,
) -> None:
    """Write the results of every run. ``diverged``: run id -> update at which it diverges.

    again: the scores of fresh samples of the best snapshots; None for samples of external programs.
    """
    for key in study.datasets:
        write_dataset(study, layout, key)
        for evaluator in study.evaluators:
            write_evaluator(study, layout, key, evaluator)
        draws = [real_record(study, key, m, draw) for draw in range(REAL_DRAWS) for m in study.metric_names]
        write_json(layout.real_scores(key), scores_file(study, draws))
    if study.benchmark:
        write_times(layout.times, benchmark_runs(study), study.benchmark.repeats)
    for spec in study.runs():
        write_run(study, layout, spec, (diverged or {}).get(spec.id), value, layers, again)


def write_dataset(study: Study, layout: Layout, key: str) -> None:
    spec = study.datasets[key]
    folder = layout.dataset(spec)
    folder.mkdir(parents=True, exist_ok=True)
    channels = spec.channels or 1
    images = blobs(NUM_TRAIN + NUM_TEST, spec.image_size, channels, noise=0.05, seed=1)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", np.arange(len(images)) % 10)
    write_json(
        folder / "dataset.json",
        {
            "spec": spec.to_dict(),
            "spec_digest": spec.digest(),
            "source_title": "Invented blobs",
            "num_train": NUM_TRAIN,
            "num_test": NUM_TEST,
            "image_shape": [channels, spec.image_size, spec.image_size],
            "classes": [str(digit) for digit in range(10)],
            "sha256": file_sha256(folder / "images.npy"),
            "labels_sha256": sha256_of(key + "labels"),
            "split": "seeded: 25 % set aside for testing, seed 0",
            "origin": {"url": "invented", "files": {"blobs.npy": sha256_of("file")}},
            "versions": VERSIONS,
        },
    )


def write_evaluator(study: Study, layout: Layout, key: str, evaluator: str) -> None:
    trained = evaluator == "classifier"
    write_json(
        layout.evaluator(study.datasets[key], evaluator, study.classifier) / "evaluator.json",
        {
            "evaluator": evaluator,
            "digest": sha256_of(evaluator)[:16],
            "weights_sha256": sha256_of(evaluator),
            "feature_dim": 64,
            "num_classes": 10,
            "options": {},
            "dataset_sha256": sha256_of(key),
            "train_accuracy": 0.997 if trained else None,
            "test_accuracy": 0.96875 if trained else None,
            "seconds": 6.5,
            "versions": VERSIONS,
        },
    )


def write_run(
    study: Study,
    layout: Layout,
    spec: StudyRun,
    diverged_at: int | None = None,
    value: Value = invented_value,
    layers: tuple[str, ...] = LAYERS,
    again: Value | None = invented_again,
) -> None:
    """The files of one run."""
    paths = layout.run(spec.id)
    steps_per_epoch = spec.steps_per_epoch(NUM_TRAIN)
    total = spec.budget.total_steps(steps_per_epoch)
    planned = spec.snapshots.at(total, steps_per_epoch)
    done = total if diverged_at is None else diverged_at
    steps = [step for step in planned if step < done or diverged_at is None]
    if diverged_at is not None:
        steps.append(diverged_at - 1)
    per_update = spec.training.batch_size * spec.optimizer.n_dis
    snapshots = [
        {"steps": s, "images_seen": s * per_update, "sha256": sha256_of(f"{spec.id}{s}"), "last_finite": False}
        for s in sorted(set(steps))
    ]
    snapshots[-1]["last_finite"] = diverged_at is not None
    seconds = done * 0.02 * spec.optimizer.n_dis + spec.seed
    write_json(paths.spec, spec.to_dict())
    write_json(
        paths.status,
        {
            "state": "ok" if diverged_at is None else "diverged",
            "spec_digest": spec.digest(),
            "steps_total": total,
            "steps_done": done,
            "diverged_at": diverged_at,
            "reason": None if diverged_at is None else "d_loss is not finite",
            "steps_per_epoch": steps_per_epoch,
            "images_seen": done * per_update,
            "snapshots": snapshots,
            "seconds": seconds,
            "images_per_second": done * per_update / seconds,
            "updates_per_second": done / seconds,
            "max_rss_mb": 512.0 + spec.seed,
            "resumed": 0,
            "num_parameters": {"generator": 123_456, "discriminator": 234_567},
            "device": DEVICE,
            "versions": VERSIONS,
            "git_revision": "0123456789abcdef0123456789abcdef01234567",
            "started": "2026-01-01T10:00:00+00:00",
            "finished": "2026-01-01T10:10:00+00:00",
        },
    )
    images = {snapshot["steps"]: snapshot["images_seen"] for snapshot in snapshots}

    def record(metric: str, steps: int, score: float | None, **changes: Any) -> dict[str, Any]:
        place = {"seed": spec.seed, "steps": steps, "images_seen": images[steps]}
        return score_record(study, spec.dataset, metric, score) | place | changes

    records = [record(metric, s, value(metric, spec, s)) for s in images for metric in study.metric_names]
    if again is None:
        records = [{**r, "sampling_seed": None} for r in records]
    else:
        best = best_snapshots(study.scores, [(r["metric"], r["steps"], r["value"]) for r in records])
        for metric, s in best.items():
            seed = protocol_of(study, metric).seed + RESAMPLE_SEED
            records.append(record(metric, s, again(metric, spec, s), selection="best", sampling_seed=seed))
    write_json(paths.scores, scores_file(study, records) | {"spec_digest": spec.digest()})
    write_log(paths.log, done, spec.seed, layers)
    if diverged_at is None:
        write_spectra(paths.spectra, spec.seed, layers)
    write_samples(paths.samples, spec.data.image_size, spec.data.channels or 1, len(snapshots), spec.seed)
