"""The state of every run of a study, from files alone: nothing is locked or written. No torch and no Snakemake."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sngan_repro.config.finished import EndedFile
from sngan_repro.config.specs import RunSpec, StudyRun
from sngan_repro.data.sources import source_info
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study
from sngan_repro.training.progress import BEAT_SECONDS, ProgressFile
from sngan_repro.workflow.cost import num_train_images
from sngan_repro.workflow.jobs import read_job, read_json_file

State = Literal["done", "diverged", "running", "stopped", "stale", "failed", "waiting"]
STATES: tuple[State, ...] = ("done", "diverged", "running", "stopped", "stale", "failed", "waiting")
COMPLETE: tuple[State, ...] = ("done", "diverged")

STALE_SECONDS = 120.0
"""Longer than a shared file system takes to show a change (NFS: 60 s by default), or a training to save its state."""


@dataclass(frozen=True)
class RunStatus:
    """The state of one run. A value that is unknown, or does not apply to the state, is None."""

    id: str
    dataset: str
    label: str
    setting: str
    seed: int
    state: State
    steps: int = 0
    steps_total: int | None = None
    updates_per_second: float | None = None
    images_per_second: float | None = None
    age_seconds: float | None = None
    """Since the last heartbeat, or since the job wrote to its log; negative if the clocks of the machines differ."""
    seconds: float | None = None
    """Seconds of training of a complete run."""
    reason: str | None = None
    """Why it diverged or failed, in one line, or a remark."""
    log: str | None = None
    scoring: Literal["scored", "failed", "not scored"] = "not scored"
    scoring_reason: str | None = None
    scoring_log: str | None = None

    @property
    def seconds_left(self) -> float | None:
        """Of a running training, at its present rate; None if that is unknown."""
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
    """Log file -> reason, of failed jobs that do not belong to a single run."""

    @property
    def counts(self) -> dict[State, int]:
        """State -> number of runs, for the states that occur."""
        found = {state: sum(run.state == state for run in self.runs) for state in STATES}
        return {state: count for state, count in found.items() if count}

    @property
    def complete(self) -> bool:
        """True if every run is trained and scored."""
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
        """Of training, at the rate of the runs in progress, and at least what the slowest of these needs."""
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


def read_study(study: Study, layout: Layout, runs: list[StudyRun], now: float) -> StudyStatus:
    """The status at ``now`` (seconds of the epoch).

    runs: ``study.runs()``, computed once by the caller, since that takes longer than reading the files.
    """
    images = {name: num_train_images(spec, layout) for name, spec in study.datasets.items()}
    states = [read_run(spec, layout, images[spec.dataset], now) for spec in runs]
    # A program with a final snapshot only makes no updates, so it has no part in the time left.
    states = [
        replace(run, steps=0, steps_total=0, updates_per_second=None) if study.final_snapshot_only(run.label) else run
        for run in states
    ]
    return StudyStatus(study.name, str(layout.root), states, _failed_jobs(study, layout))


def read_run(spec: StudyRun, layout: Layout, num_train: int | None, now: float) -> RunStatus:
    """The state of one run. num_train: training images; None: unknown."""
    run = layout.stored(spec)
    # In this order: a training writes its status before it removes its progress, so one of the two is seen.
    progress, beat = read_json_file(run.progress, ProgressFile)
    status, _ = read_json_file(run.status, EndedFile)
    job = read_job(layout.run_log("train", spec))
    known: dict[str, Any] = {
        "id": spec.id,
        "dataset": spec.dataset,
        "label": spec.label,
        "setting": spec.setting,
        "seed": spec.seed,
        "log": str(job.log) if job else None,
    }
    if status and _is_of(spec, status):
        return RunStatus(**known, **_complete(status), **_scoring(run.scores, layout.run_log("score", spec)))
    if num_train is not None or spec.budget.steps is not None:
        known["steps_total"] = spec.budget.total_steps(spec.steps_per_epoch(num_train or 1))
    remark = "trained under an earlier form of the study file" if status else None
    if status is None and run.status.exists():
        remark = "status.json is damaged; delete it, and the run is trained anew"
    if job is None and progress is None:
        return RunStatus(**known, state="waiting", reason=remark)
    age = now - max(beat, job.time if job else 0.0)
    if progress and (mine := _is_of(spec, progress)):
        known.update({key: progress[key] for key in ("steps", "steps_total")})
    # An older job has no say: another job (of a group, say) has written a heartbeat since.
    ended = job.state if job and job.time >= beat and job.state != "running" else None
    if job and ended == "failed":
        return RunStatus(**known, state="failed", age_seconds=age, reason=job.reason)
    alive = False
    if progress and progress["state"] == "running" and not ended:
        alive = _is_alive(now - beat, progress["host"], progress["pid"], progress["updates_per_second"])
    if job and job.state == "running" and job.started >= beat and not alive:  # no heartbeat yet
        if _is_alive(age, job.host, job.pid):
            reason = "starting" if now - job.started < STALE_SECONDS else "without progress.json"
            return RunStatus(**known, state="running", age_seconds=age, reason=reason)
        if job.recorded or progress is None:
            return RunStatus(**known, state="stale", age_seconds=age, reason="starting")
    if progress is None:  # it is removed with the last results
        if ended == "interrupted":
            return RunStatus(**known, state="stopped", age_seconds=age)
        return RunStatus(**known, state="waiting", reason=remark or "trained before; status.json was removed")
    if alive:
        rates = {key: progress[key] for key in ("updates_per_second", "images_per_second")}
        earlier = None if mine else "under an earlier form of the study file"
        return RunStatus(**known, **rates, state="running", age_seconds=now - beat, reason=earlier)
    if not mine:
        return RunStatus(**known, state="waiting", reason="begun under an earlier form of the study file")
    stopped = "interrupted" in (progress["state"], ended)
    return RunStatus(**known, state="stopped" if stopped else "stale", age_seconds=now - beat)


def _complete(status: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a complete run. A program writes only some of the keys of a training."""
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
    job = read_job(log_path)
    if job and job.state == "failed":
        return {"scoring": "failed", "scoring_reason": job.reason, "scoring_log": str(job.log)}
    return {"scoring": "not scored"}


def _is_of(spec: RunSpec, record: Mapping[str, Any]) -> bool:
    return "spec_digest" not in record or record["spec_digest"] == spec.digest()


def _is_alive(age: float, host: str | None, pid: int | None, updates_per_second: float | None = None) -> bool:
    """True if a heartbeat or log of this age (seconds) can be that of a process that runs; False when in doubt."""
    seconds_per_step = 1 / updates_per_second if updates_per_second else 0.0
    if abs(age) > STALE_SECONDS + 3 * seconds_per_step:  # abs: if the clocks differ that much, nothing is known
        return False
    # A container may have the same host name and other processes, so the process is looked up only after missed beats.
    if pid is None or host != platform.node() or age <= 2 * BEAT_SECONDS + 3 * seconds_per_step:
        return True
    return _exists(pid)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only checks
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


def _failed_jobs(study: Study, layout: Layout) -> dict[str, str]:
    """Log -> reason, of failed jobs that many runs wait for, and of those after all runs."""
    shared = layout.data_dir / "logs"
    paths = [shared / f"fetch-weights-{name}.log" for name in study.evaluators if EVALUATORS.get(name).weights]
    for spec in study.datasets.values():
        paths += [shared / f"fetch-{source_info(spec).fetched_as}.log", shared / f"prepare-{spec.id}.log"]
        paths += [shared / f"evaluator-{spec.id}-{name}.log" for name in study.evaluators]
    jobs = [read_job(path) for path in dict.fromkeys([*paths, *sorted(layout.logs.glob("*.log"))])]
    return {str(job.log): job.reason for job in jobs if job and job.state == "failed"}
