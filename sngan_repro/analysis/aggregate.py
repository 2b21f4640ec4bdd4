"""All runs of a study into three tidy tables: every score, every run, what it cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sngan_repro.analysis.load import Run, read_evaluator, read_real_scores, read_runs
from sngan_repro.analysis.naming import REAL
from sngan_repro.analysis.outputs import aggregate_files
from sngan_repro.config.records import RealScores, Record, Scores
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.files import atomic_path
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.sealed import write_record
from sngan_repro.study.layout import RUNS, Layout
from sngan_repro.study.study import Study

PROTOCOL_COLUMNS = {  # the faults are empty where there are none
    "num_fake": "num_fake_used",
    "num_real": "num_real_used",
    "reference": "reference",
    "evaluator": "evaluator",
    "evaluator_digest": "evaluator_digest",
    "batch_norm": "batch_norm",
    "is_splits": "is_splits",
    "kid_subset_size": "kid_subset_size",
    "kid_subsets": "kid_subsets",
    "fault_distinct": "fault_distinct",
    "fault_contrast_stretch": "fault_contrast_stretch",
    "fault_detour": "fault_detour",
    "dataset_sha256": "dataset_sha256",
    "torch_fidelity": "torch_fidelity",
}


def aggregate(study: Study, layout: Layout) -> None:
    """Write tables/scores.csv, classes.csv, runs.csv and cost.csv. Rows are in the order of the study.

    Raises :class:`ConfigError` when any expected run is missing, unreadable, of another specification, or incompletely
    scored, and when records of one evaluator were made with different weights or different images.
    """
    runs = read_runs(study, layout)
    real = {dataset: read_real_scores(study, layout, dataset) for dataset in study.datasets}
    _check_one_evaluator(runs, real, layout)
    files = aggregate_files(layout)
    write_table(files["scores"], score_rows(study.name, runs, real))
    write_table(files["classes"], class_rows(runs, real), CLASS_COLUMNS)
    write_table(files["runs"], [run_row(study, run) for run in runs])
    write_table(files["cost"], cost_rows(study, layout, runs, real))
    write_record(layout.tables / "aggregate", files.values())


def write_table(path: Path, rows: Iterable[dict[str, Any]], columns: Sequence[str] | None = None) -> None:
    """A CSV file, atomically: floats in the shortest form that reads back the same, None as an empty field.

    columns: needed where there may be no rows.
    """
    # dtype=object keeps integers integers where a column also has missing values.
    frame = pd.DataFrame(list(rows), columns=None if columns is None else list(columns), dtype=object)
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def _check_one_evaluator(runs: list[Run], real: dict[str, RealScores], layout: Layout) -> None:
    """Per dataset and evaluator all records share weights, images and torch-fidelity."""
    seen: dict[tuple[str, str, str], tuple[Any, Path]] = {}
    sources: list[tuple[str, Path, Sequence[Record]]] = [
        (run.spec.dataset, run.paths.scores, run.scores.records) for run in runs
    ]
    sources += [(dataset, layout.real_scores(dataset), scores.records) for dataset, scores in real.items()]
    for dataset, path, records in sources:
        for record in records:
            for key in ("evaluator_digest", "dataset_sha256", "torch_fidelity"):
                value = record.protocol.get(key)
                where = (dataset, record.protocol["evaluator"], key)
                first, first_path = seen.setdefault(where, (value, path))
                if value != first:
                    raise ConfigError(
                        f"{path}: {record.metric}: {key} is {value!r}, but {first!r} in {first_path}; "
                        "such scores cannot be compared: score the older runs again"
                    )


Names = dict[str, str | int | None]
"""dataset, label, setting and seed: how a study names a run, or a draw of real images."""


def _names(run: Run) -> Names:
    return {name: getattr(run.spec, name) for name in ("dataset", "label", "setting", "seed")}


def _real_names(dataset: str, draw: int | None) -> Names:
    return {"dataset": dataset, "label": REAL, "setting": None, "seed": draw}


def score_rows(study: str, runs: list[Run], real: dict[str, RealScores]) -> list[dict[str, Any]]:
    """One row per score: per dataset real images first, then each run's snapshots, then its re-sampled best ones.

    ``state`` is the run's. ``last`` marks the ordinary scores of its last snapshot; ``selection`` is "best" for the
    re-sampled ones, which ``last`` never marks, and empty for the others.
    """
    rows = []
    for dataset, scores in real.items():
        for draw in scores.records:
            names = {"study": study, **_real_names(dataset, draw.seed)}
            rows.append(_score_row(draw, names, {"state": "real", "last": True}, scores))
        for run in (run for run in runs if run.spec.dataset == dataset):
            last = run.status.snapshots[-1].steps
            for record in sorted(run.scores.records, key=lambda r: (r.selection is not None, r.steps or 0)):
                is_last = record.selection is None and record.steps == last
                flags = {"state": run.status.state, "last": is_last}
                rows.append(_score_row(record, {"study": study, **_names(run)}, flags, run.scores))
    return rows


CLASS_COLUMNS = ("dataset", "label", "setting", "seed", "steps", "metric", "class", "value", "state", "last")


def class_rows(runs: list[Run], real: dict[str, RealScores]) -> Iterator[dict[str, Any]]:
    """One row per ordinary score and class, for the metrics that have a score for each class; real images first."""
    for dataset, scores in real.items():
        for draw in scores.records:
            yield from _class_rows(draw, _real_names(dataset, draw.seed), "real", last=True)
    for run in runs:
        for record in run.scores.records:
            if record.selection is None:
                last = record.steps == run.status.snapshots[-1].steps
                yield from _class_rows(record, _names(run), run.status.state, last)


def _class_rows(record: Record, names: Names, state: str, last: bool) -> Iterator[dict[str, Any]]:
    shared = {**names, "steps": record.steps, "metric": record.metric, "state": state, "last": last}
    return (shared | {"class": label, "value": value} for label, value in record.by_class.items())


def _score_row(record: Record, names: Names, flags: dict[str, Any], scores: Scores) -> dict[str, Any]:
    protocol = {column: record.protocol.get(key) for column, key in PROTOCOL_COLUMNS.items()}
    return {
        **names,
        **{name: getattr(record, name) for name in ("steps", "images_seen", "metric", "value", "spread")},
        "spread_over": record.spread_over,
        **flags,
        "selection": record.selection,
        "sampling_seed": record.sampling_seed,
        **protocol,
        "seconds": record.seconds,
        "spec_digest": scores.spec_digest,
    }


def run_row(study: Study, run: Run) -> dict[str, Any]:
    """One row of runs.csv. A program without settings has no values of them.

    A run that has nothing but its final samples has neither epochs nor a speed.
    """
    spec, status = run.spec, run.status
    only_final = study.final_snapshot_only(spec.label)
    optimizer: dict[str, Any] = dict.fromkeys(("lr_d", "lr_g", "beta1", "beta2", "n_dis"))
    if spec.setting != OWN_SETTING:
        lr_d, lr_g = spec.optimizer.rates
        optimizer = {"lr_d": lr_d, "lr_g": lr_g}
        optimizer |= {name: getattr(spec.optimizer, name) for name in ("beta1", "beta2", "n_dis")}
    return {
        "study": study.name,
        **_names(run),
        "state": status.state,
        "diverged_at": status.diverged_at,
        "reason": status.reason,
        "steps_done": status.steps_done,
        "steps_total": status.steps_total,
        "epochs": None if only_final else status.steps_done / status.steps_per_epoch,
        "images_seen": status.images_seen,
        "last_snapshot": status.snapshots[-1].steps,
        "last_snapshot_sha256": status.snapshots[-1].sha256,
        **optimizer,
        "seconds": status.seconds,
        "scoring_seconds": run.scores.seconds,
        "images_per_second": status.images_per_second,
        "updates_per_second": None if only_final else status.updates_per_second,
        "max_rss_mb": status.max_rss_mb,
        "resumed": status.resumed,
        "parameters_g": status.num_parameters.get("generator"),
        "parameters_d": status.num_parameters.get("discriminator"),
        "device": status.device.get("type"),
        "device_name": status.device.get("name"),
        "threads": status.device.get("threads"),
        "versions": "; ".join(f"{name} {version}" for name, version in status.versions.items()),
        "git_revision": status.git_revision,
        "started": status.started,
        "finished": status.finished,
        "spec_digest": status.spec_digest,
        "folder": f"{RUNS}/{spec.id}",
    }


def cost_rows(study: Study, layout: Layout, runs: list[Run], real: dict[str, RealScores]) -> list[dict[str, Any]]:
    """One row per dataset, stage (evaluator, score real, train, score) and method; sums over runs."""
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.spec.dataset, run.spec.label].append(run)
    rows = []
    for dataset in study.datasets:
        for name in study.evaluators:
            seconds = read_evaluator(study, layout, dataset, name).seconds
            rows.append(_cost_row(dataset, "evaluator", name, 1, seconds))
        rows.append(_cost_row(dataset, "score real", REAL, 1, real[dataset].seconds))
        for label in study.labels:
            group = groups[dataset, label]
            statuses = [run.status for run in group]
            seconds = sum(status.seconds for status in statuses)
            made: tuple[int | None, int | None] = (None, None)  # without steps there is no speed
            if not study.final_snapshot_only(label):
                made = sum(status.steps_done for status in statuses), sum(status.images_seen for status in statuses)
            memory = max(status.max_rss_mb for status in statuses)
            rows.append(_cost_row(dataset, "train", label, len(group), seconds, *made, memory))
            scoring = sum(run.scores.seconds for run in group)
            rows.append(_cost_row(dataset, "score", label, len(group), scoring))
    return rows


def _cost_row(
    dataset: str,
    stage: str,
    name: str,
    jobs: int,
    seconds: float,
    steps: int | None = None,
    images: int | None = None,
    max_rss_mb: float | None = None,
) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "stage": stage,
        "label": name,
        "runs": jobs,
        "seconds": seconds,
        "steps": steps,
        "images": images,
        "images_per_second": images / seconds if images is not None and seconds > 0 else None,
        "seconds_per_1000_steps": 1000 * seconds / steps if steps else None,
        "max_rss_mb": max_rss_mb,
    }
