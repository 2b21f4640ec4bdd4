"""The state of every run of a study, from files alone: nothing is locked or written. No torch and no Snakemake."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sngan_repro.config.specs import RunSpec
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study
from sngan_repro.training.progress import BEAT_SECONDS
from sngan_repro.workflow.cost import num_train_images
from sngan_repro.workflow.job_log import JobLog

State = Literal["done", "diverged", "running", "stopped", "stale", "failed", "waiting"]
STATES: tuple[State, ...] = ("done", "diverged", "running", "stopped", "stale", "failed", "waiting")
COMPLETE: tuple[State, ...] = ("done", "diverged")

STALE_SECONDS = 120.0
"""Longer than a shared file system hides a change (NFS: 60 s by default) and than a large state takes to be saved."""


@dataclass(frozen=True)
class RunStatus:
    """One run. What is not known, or does not apply to its state, is None."""

    id: str
    dataset: str
    method: str
    setting: str
    seed: int
    state: State
    steps: int = 0
    steps_total: int | None = None
    updates_per_second: float | None = None
    images_per_second: float | None = None
    age_seconds: float | None = None
    """Since the last sign of life; negative when the clocks of the machines differ."""
    seconds: float | None = None
    """That a complete run has trained."""
    reason: str | None = None
    """What diverged, the last line of a failed job's log, or a remark."""
    log: str | None = None
    scoring: Literal["scored", "failed", "not scored"] = "not scored"
    scoring_reason: str | None = None
    scoring_log: str | None = None

    @property
    def seconds_left(self) -> float | None:
        """Of a running one, at its present rate."""
        if self.state != "running" or not self.updates_per_second or self.steps_total is None:
            return None
        return (self.steps_total - self.steps) / self.updates_per_second


@dataclass(frozen=True)
class StudyStatus:
    """All runs of a study at one time."""

    study: str
    results: str
    runs: list[RunStatus]
    failed_jobs: dict[str, str] = field(default_factory=dict)
    """Log file -> last line, of jobs that do not belong to a single run."""

    @property
    def counts(self) -> dict[State, int]:
        """How many runs are in each state that occurs."""
        found = {state: sum(run.state == state for run in self.runs) for state in STATES}
        return {state: count for state, count in found.items() if count}

    @property
    def complete(self) -> bool:
        """Whether every run is trained and scored."""
        return all(run.state in COMPLETE and run.scoring == "scored" for run in self.runs)

    @property
    def steps(self) -> tuple[int, int, int]:
        """(updates made, updates in all, runs of unknown length). A diverged run has no more to make."""
        made = sum(run.steps for run in self.runs)
        planned = [run.steps if run.state in COMPLETE else run.steps_total for run in self.runs]
        return made, sum(steps or 0 for steps in planned), sum(steps is None for steps in planned)

    @property
    def rate(self) -> float:
        """Updates per second of the runs in progress, together."""
        return sum(run.updates_per_second or 0 for run in self.runs if run.state == "running")

    @property
    def seconds_left(self) -> float | None:
        """Of training, at the rate of the runs in progress; never less than the slowest of these needs."""
        made, planned, _ = self.steps
        longest = max((run.seconds_left or 0 for run in self.runs), default=0)
        return max((planned - made) / self.rate, longest) if self.rate else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        made, planned, unknown = self.steps
        return {
            "study": self.study,
            "results": self.results,
            "runs_total": len(self.runs),
            "counts": self.counts,
            "scored": sum(run.scoring == "scored" for run in self.runs),
            "complete": self.complete,
            "steps": made,
            "steps_total": planned,
            "runs_of_unknown_length": unknown,
            "updates_per_second": self.rate,
            "seconds_left": self.seconds_left,
            "failed_jobs": self.failed_jobs,
            "runs": [{**asdict(run), "seconds_left": run.seconds_left} for run in self.runs],
        }


def read_study(study: Study, layout: Layout, runs: list[RunSpec], now: float) -> StudyStatus:
    """The status at ``now`` (seconds of the epoch). runs: ``study.runs()``, which takes longer than to read a file."""
    images = {name: num_train_images(spec, layout) for name, spec in study.datasets.items()}
    states = [read_run(spec, layout, images[spec.dataset], now) for spec in runs]
    # What makes no updates has none to make, and says nothing about how long the trainings will take.
    states = [
        replace(run, steps=0, steps_total=0, updates_per_second=None) if study.final_snapshot_only(run.method) else run
        for run in states
    ]
    return StudyStatus(study.name, str(layout.root), states, _failed_jobs(study, layout))


def read_run(spec: RunSpec, layout: Layout, num_train: int | None, now: float) -> RunStatus:
    """The state of one run. num_train: training images; None: unknown."""
    run = layout.run(spec.id)
    # In this order: a training writes its status before it removes its progress, so one of the two is seen.
    progress, beat = _read(run.progress)
    status, _ = _read(run.status)
    log = JobLog.read(layout.run_log("train", spec.id))
    known: dict[str, Any] = {
        "id": spec.id,
        "dataset": spec.dataset,
        "method": spec.label,
        "setting": spec.setting,
        "seed": spec.seed,
        "log": str(log.path) if log else None,
    }
    if status and _is_of(spec, status):
        return RunStatus(**known, **_complete(status), **_scoring(run.scores, layout.run_log("score", spec.id)))
    if num_train is not None or spec.budget.steps is not None:
        known["steps_total"] = spec.budget.total_steps(spec.steps_per_epoch(num_train or 1))
    remark = "trained under an earlier form of the study file" if status else None
    if log is None and progress is None:
        return RunStatus(**known, state="waiting", reason=remark)
    age = now - max(beat, log.time if log else 0.0)
    mine = progress is not None and _is_of(spec, progress)
    if progress and mine:
        known.update({key: progress[key] for key in ("steps", "steps_total")})
    if log and log.failed and log.time >= beat:  # a failure is the last that a job prints; it may be another's, however
        return RunStatus(**known, state="failed", age_seconds=age, reason=log.last_line)
    if log and log.time >= beat and not log.training_began:  # a job that has just begun, perhaps to resume
        starting = _is_alive(None, age)
        return RunStatus(**known, state="running" if starting else "stale", age_seconds=age, reason="starting")
    if progress is None:  # removed with the results, unless the disk was too full for it
        if _is_alive(None, age):
            return RunStatus(**known, state="running", age_seconds=age, reason="without progress.json")
        return RunStatus(**known, state="waiting", reason=remark or "trained before; status.json was removed")
    age = now - beat
    if progress["state"] == "running" and _is_alive(progress, age):
        rates = {key: progress[key] for key in ("updates_per_second", "images_per_second")}
        earlier = None if mine else "under an earlier form of the study file"
        return RunStatus(**known, **rates, state="running", age_seconds=age, reason=earlier)
    if not mine:
        return RunStatus(**known, state="waiting", reason="begun under an earlier form of the study file")
    return RunStatus(**known, state="stopped" if progress["state"] == "interrupted" else "stale", age_seconds=age)


def _complete(status: Mapping[str, Any]) -> dict[str, Any]:
    """External programs write only a part of what a training does."""
    diverged = status.get("state") == "diverged"
    return {
        "state": "diverged" if diverged else "done",
        "steps": status.get("steps_done") or 0,
        "steps_total": status.get("steps_total"),
        "seconds": status.get("seconds"),
        "reason": status.get("reason"),
    }


def _scoring(scores: Path, log_path: Path) -> dict[str, Any]:
    if scores.exists():
        return {"scoring": "scored"}
    log = JobLog.read(log_path)
    if log and log.failed:
        return {"scoring": "failed", "scoring_reason": log.last_line, "scoring_log": str(log.path)}
    return {"scoring": "not scored"}


def _is_of(spec: RunSpec, record: Mapping[str, Any]) -> bool:
    return "spec_digest" not in record or record["spec_digest"] == spec.digest()


def _is_alive(progress: Mapping[str, Any] | None, age: float) -> bool:
    """Whether so old a sign of life is that of a training which runs. When in doubt, not."""
    seconds_per_step = 1 / progress["updates_per_second"] if progress and progress["updates_per_second"] else 0.0
    if abs(age) > STALE_SECONDS + 3 * seconds_per_step:  # abs: with clocks that far apart, nothing is known
        return False
    here = progress is not None and progress["host"] == platform.node()
    # The same name may be that of a container with processes of its own: only a missed beat brings up the question.
    return not (progress and here and age > 2 * BEAT_SECONDS + 3 * seconds_per_step and not _exists(progress["pid"]))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 asks only
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


def _read(path: Path) -> tuple[dict[str, Any] | None, float]:
    """(content, time of the last change) of a JSON file that may vanish at any time; (None, 0) without it."""
    try:
        with path.open(encoding="utf-8") as stream:
            return json.load(stream), os.fstat(stream.fileno()).st_mtime
    except (FileNotFoundError, ValueError):
        return None, 0.0


def _failed_jobs(study: Study, layout: Layout) -> dict[str, str]:
    """Log -> last line of jobs on which many runs wait, and of those that come after all."""
    shared = layout.data_dir / "logs"
    paths = [shared / f"fetch-weights-{name}.log" for name in study.evaluators if EVALUATORS.get(name).weights]
    for spec in study.datasets.values():
        paths += [shared / f"fetch-{spec.source}.log", shared / f"prepare-{spec.id}.log"]
        paths += [shared / f"evaluator-{spec.id}-{name}.log" for name in study.evaluators]
    logs = [JobLog.read(path) for path in dict.fromkeys([*paths, *sorted(layout.logs.glob("*.log"))])]
    return {str(log.path): log.last_line for log in logs if log and log.failed}
