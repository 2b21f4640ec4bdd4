"""Read and check the result files that the analysis starts from. Every error is a ConfigError that names the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sngan_repro.analysis.naming import REAL
from sngan_repro.config.data_records import DatasetFile, EvaluatorFile
from sngan_repro.config.records import (
    RealScores,
    Record,
    Scores,
    Status,
    check_record,
    read_json_record,
)
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import DatasetSpec, StudyRun
from sngan_repro.core.schema import ConfigError, ModelT
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.selection import REAL_DRAWS, REAL_SEED, RESAMPLE_SEED, best_snapshots
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class Run:
    """A complete run: its specification, its status and its scores."""

    spec: StudyRun
    paths: RunPaths
    status: Status
    scores: Scores


def read_file(model: type[ModelT], path: Path, made_by: str) -> ModelT:
    """A JSON result file. Raises ConfigError if it is missing, not JSON, or lacks a key.

    made_by: the job that writes the file, for the message.
    """
    again = f"{made_by} writes it: delete the file and run the workflow again"
    return check_record(model, read_json_record(path, again), path, again)


def read_runs(study: Study, layout: Layout) -> list[Run]:
    """Every run of the study, in its order. One that is missing, unreadable or made from another spec is an error."""
    return [_read_run(study, spec, layout.run(spec.id)) for spec in study.runs()]


def _read_run(study: Study, spec: StudyRun, paths: RunPaths) -> Run:
    status = read_file(Status, paths.status, f"the training of {spec.id}")
    scores = read_file(Scores, paths.scores, f"the scoring of {spec.id}")
    stored = read_json_record(paths.spec, paths.remedy)
    outdated = "the study file has changed since, or the folder is of another study; run the workflow again"
    if stored != spec.to_dict():
        differing = sorted(key for key in {*stored, *spec.to_dict()} if stored.get(key) != spec.to_dict().get(key))
        raise ConfigError(
            f"{paths.spec}: not the specification of {spec.id} (differs in {', '.join(differing)}); {outdated}"
        )
    for path, digest in ((paths.status, status.spec_digest), (paths.scores, scores.spec_digest)):
        if digest != spec.digest():
            raise ConfigError(f"{path}: made from spec {digest}, but the study has {spec.digest()}; {outdated}")
    _check_status(status, paths.status)
    expected: set[tuple[int | None, str]] = {
        (snapshot.steps, name) for snapshot in status.snapshots for name in study.metric_names
    }
    ordinary = [record for record in scores.records if record.selection is None]
    check_complete(expected, [(record.steps, record.metric) for record in ordinary], paths.scores)
    _check_resampled(study, ordinary, [record for record in scores.records if record.selection], paths.scores)
    images = {snapshot.steps: snapshot.images_seen for snapshot in status.snapshots}
    for record in scores.records:
        if record.seed != spec.seed:
            raise ConfigError(f"{paths.scores}: a record has the seed {record.seed}, expected {spec.seed}")
        if record.images_seen != images[record.steps or 0]:
            raise ConfigError(
                f"{paths.scores}: update {record.steps}: images_seen is {record.images_seen}, "
                f"but {images[record.steps or 0]} in {paths.status.name}"
            )
        check_protocol(study, record, paths.scores, _sampling_seeds(record))
    return Run(spec, paths, status, scores)


def _check_status(status: Status, path: Path) -> None:
    """The snapshots agree with the state: increasing, and the last at the end or last finite."""
    steps = [snapshot.steps for snapshot in status.snapshots]
    if not steps or steps != sorted(set(steps)):
        raise ConfigError(f"{path}: snapshots: expected increasing updates, found {steps}")
    if status.state == "ok" and steps[-1] != status.steps_total:
        raise ConfigError(f"{path}: state is ok, but the last snapshot is at {steps[-1]} of {status.steps_total}")
    if status.state == "diverged" and (status.diverged_at is None or not status.snapshots[-1].last_finite):
        raise ConfigError(f"{path}: state is diverged; expected `diverged_at` and a last finite snapshot")


def check_complete(
    expected: set[tuple[int | None, str]],
    found: list[tuple[int | None, str]],
    path: Path,
    what: str = "scores",
    place: str = "steps",
) -> None:
    """Raise ConfigError unless each expected (place, metric) is scored exactly once, and nothing else is."""
    doubles = sorted(str(key) for key, times in Counter(found).items() if times > 1)
    for word, keys in (
        ("missing", sorted(map(str, expected - set(found)))),
        ("unexpected", sorted(map(str, set(found) - expected))),
        ("given twice", doubles),
    ):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise ConfigError(f"{path}: {what} {word}: {', '.join(keys[:3])}{more} ({place}, metric)")


def _check_resampled(study: Study, ordinary: list[Record], resampled: list[Record], path: Path) -> None:
    """The best snapshot by each metric, and no other, is scored again; those of external programs cannot be."""
    generated = [(r.metric, r.steps or 0, r.value) for r in ordinary if r.sampling_seed is not None]
    expected: set[tuple[int | None, str]] = {
        (steps, name) for name, steps in best_snapshots(study.scores, generated).items()
    }
    check_complete(expected, [(r.steps, r.metric) for r in resampled], path, "re-sampled scores")


def _sampling_seeds(record: Record) -> tuple[int | None, ...]:
    """What is added to the protocol's seed for the images of a run; None: samples of a program have no seed."""
    return (RESAMPLE_SEED,) if record.selection else (0, None)


def check_protocol(study: Study, record: Record, path: Path, offsets: Iterable[int | None]) -> None:
    """The record was made under the protocol that the study gives its metric's name.

    offsets: the seed of its images is the protocol's plus one of these, or missing for None.
    """
    protocol = next(p for p in study.scores if record.metric in metric_names(p).values())
    stated = protocol.to_dict()
    for key in (key for key in type(protocol).model_fields if key != "metrics"):
        if record.protocol.get(key) != stated.get(key):
            raise ConfigError(
                f"{path}: {record.metric}: scored with {key} = {record.protocol.get(key)!r}, "
                f"but the study says {stated.get(key)!r}; score it again"
            )
    expected = [offset if offset is None else protocol.seed + offset for offset in offsets]
    if record.sampling_seed not in expected:
        raise ConfigError(
            f"{path}: {record.metric}: the seed of its images is {record.sampling_seed}, expected {expected[0]}; "
            "score it again"
        )


def read_real_scores(study: Study, layout: Layout, dataset: str) -> RealScores:
    """The scores of real images: one record per metric of the study and draw."""
    path = layout.real_scores(dataset)
    scores = read_file(RealScores, path, f"the scoring of the real images of {dataset}")
    expected: set[tuple[int | None, str]] = {(draw, name) for name in study.metric_names for draw in range(REAL_DRAWS)}
    check_complete(expected, [(r.seed, r.metric) for r in scores.records], path, "draws", "draw")
    for record in scores.records:
        if (record.study, record.dataset, record.label) != (study.name, dataset, REAL):
            raise ConfigError(f"{path}: a record belongs to {record.study}, {record.dataset}, {record.label}")
        check_protocol(study, record, path, [REAL_SEED + (record.seed or 0)])
    return scores


def read_dataset(layout: Layout, spec: DatasetSpec) -> DatasetFile:
    """The description of a prepared dataset."""
    path = layout.dataset(spec) / "dataset.json"
    found = read_file(DatasetFile, path, "the preparation of the data")
    if found.spec_digest != spec.digest():
        raise ConfigError(f"{path}: made from spec {found.spec_digest}, but the study has {spec.digest()}")
    return found


def read_evaluator(study: Study, layout: Layout, dataset: str, evaluator: str) -> EvaluatorFile:
    """The description of an evaluator as used on one dataset."""
    folder = layout.evaluator(study.datasets[dataset], evaluator, study.classifier)
    return read_file(EvaluatorFile, folder / "evaluator.json", f"the preparation of evaluator {evaluator}")
