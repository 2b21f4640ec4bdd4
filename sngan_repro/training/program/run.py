"""Run a program for one run of a study, and turn its output into the results of a run. No torch here."""

from __future__ import annotations

import ctypes
import datetime
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from sngan_repro.config.finished import run_checksums
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core import runtime
from sngan_repro.core.files import file_sha256, remove_temporaries, write_json, write_npy, write_text
from sngan_repro.core.schema import ConfigError, text_digest
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.data.dataset import PreparedData
from sngan_repro.methods.program import Program, find_program
from sngan_repro.training.checkpoint import clear_results, finished_status, run_lock
from sngan_repro.training.program.contract import ProgramStatus, check_output
from sngan_repro.training.program.task import Task, make_task
from sngan_repro.training.progress import INTERRUPTED, Heartbeat

FINAL_IMAGES = 64  # kept of the last snapshot, as by a training
PROGRESS_IMAGES = 16  # kept of every snapshot
POLL_SECONDS = 0.2


def run_program(
    spec: RunSpec, run: RunPaths, dataset: Path, threads: int, device: str, wait: bool = False
) -> dict[str, Any]:
    """Run the program of a run, check its output, and return the content of the run's status.json.

    A complete run of this program on these images is left as it is. dataset: folder of the prepared images. device: cpu
    or cuda; a program that declares no GPU gets cpu. wait: if another process runs it, wait instead of raising
    ConfigError.

    Of an earlier attempt only the folder ``state`` is kept, if its specification is the same. Raises ConfigError if the
    program cannot be started, ends with an exit code other than 0, or writes wrong files; then the run folder has no
    results. SIGTERM and SIGINT are passed on to the program and end this process with exit code 75.
    """
    program = find_program(spec.method.name)
    if program is None:
        raise ConfigError(f"{spec.name}: '{spec.method.name}' is no program; methods of this package are trained")
    if spec.method.code not in (None, program.code):
        raise ConfigError(
            f"{program.file}: the program '{program.name}' has changed since this run was planned; run the workflow "
            "again: it makes the runs that the edit changes"
        )
    if spec.method.num_samples is None:
        raise ConfigError(f"{spec.name}: the specification of a program's run needs `method: {{num_samples: ...}}`")
    identity = _identity(spec, program)
    with run_lock(run, wait):
        data = PreparedData.open(dataset)
        status = finished_status(run, spec, data.sha256)
        if status is not None and status.get("program_digest") == identity:
            return status
        remove_temporaries(run.root)
        clear_results(run)
        _keep_state(run, identity)
        write_json(run.spec, spec.to_dict())
        task = make_task(spec, program, run, data, threads, device if program.gpu else "cpu")
        started, clock = _now(), time.monotonic()
        _execute(spec, run, program, task)
        seconds = time.monotonic() - clock
        found, steps = check_output(task.out, task.steps, data.image_shape, spec.method.num_samples)
        snapshots = _collect(run, task, steps, found, data.num("train"), program, spec)
        status = _status(spec, data, task, found, snapshots, seconds, started, run)
        status["program_digest"] = identity
        write_sealed_json(run.status, status)
        shutil.rmtree(run.program)
        run.progress.unlink(missing_ok=True)
        return status


def _identity(spec: RunSpec, program: Program) -> str:
    """A digest of the run and of all files of the program, also of those that rules make."""
    digests = [file_sha256(Path(file)) for file in program.inputs if Path(file).is_file()]
    return text_digest("\n".join([spec.digest(), program.command, *digests]))


def _keep_state(run: RunPaths, identity: str) -> None:
    """Remove the files of an earlier attempt, except the program's state if the run and the program are the same."""
    owner = run.program / "state_of"
    if not owner.exists() or owner.read_text(encoding="utf-8") != identity:
        shutil.rmtree(run.program, ignore_errors=True)
    shutil.rmtree(run.program / "out", ignore_errors=True)
    write_text(owner, identity)


def _end_with_parent() -> None:
    """In the child: end if this process is killed, so that no orphan writes into the next attempt (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _execute(spec: RunSpec, run: RunPaths, program: Program, task: Task) -> None:
    """Run the command to its end, with heartbeats."""
    heartbeat = Heartbeat(run, spec, task.steps[-1])
    heartbeat.write(0)
    print(f"{spec.name}: running {' '.join(task.command)}", file=sys.stderr, flush=True)
    stopped: list[int] = []
    threads = {f"{library}_NUM_THREADS": str(task.values["threads"]) for library in ("OMP", "OPENBLAS", "MKL")}
    try:
        child = subprocess.Popen(
            task.command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **threads},
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    except OSError as error:
        raise ConfigError(
            f"{program.file}: command: '{task.command[0]}' cannot be run: {error.strerror}; is it installed, and on "
            "the PATH of the job?"
        ) from None

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        stopped.append(number)
        os.killpg(child.pid, signal.SIGTERM)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        while child.poll() is None:
            time.sleep(POLL_SECONDS)
            written = [number for number, path in _expected(task) if path.exists()]
            heartbeat.write(max(written, default=0))
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
    if stopped:
        print(f"{spec.name}: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    if child.returncode >= 0:  # it was not killed, so there is no state to resume
        shutil.rmtree(run.program / "state", ignore_errors=True)
    if child.returncode != 0:
        how = f"exit code {child.returncode}" if child.returncode > 0 else signal.Signals(-child.returncode).name
        raise ConfigError(
            f"{spec.name}: the program '{program.name}' failed ({how}); its output is above, and its input "
            f"in {run.program / 'task.json'}"
        )


def _expected(task: Task) -> list[tuple[int, Path]]:
    return [(entry["steps"], Path(entry["samples"])) for entry in task.values["snapshots"]]


def _collect(
    run: RunPaths,
    task: Task,
    steps: list[int],
    found: ProgramStatus,
    num_train: int,
    program: Program,
    spec: RunSpec,
) -> list[dict[str, Any]]:
    """Move the arrays into the run folder, and write those for the figures; returns the list of snapshots."""
    per_step = spec.training.batch_size * spec.optimizer.n_dis
    snapshots, progress = [], []
    last = np.empty(0)
    for number in steps:
        source, target = task.out / "samples" / f"{number:08d}.npy", run.external_samples(number)
        images = np.load(source, mmap_mode="r", allow_pickle=False)
        if images.flags.c_contiguous:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        else:  # R and Julia store columns first; later steps read image by image
            write_npy(target, np.ascontiguousarray(images))
        seen = number * per_step if program.snapshots == "study" else num_train
        if number == steps[-1] and found.images_seen is not None:
            seen = found.images_seen
        sound = found.state == "diverged" and number == steps[-1]
        snapshots.append({"steps": number, "images_seen": seen, "sha256": file_sha256(target), "last_finite": sound})
        last = np.array(images[:FINAL_IMAGES])
        progress.append(last[:PROGRESS_IMAGES])
    write_npy(run.samples / "final.npy", last)
    write_npy(run.samples / "progress.npy", np.stack(progress))
    return snapshots


def _status(
    spec: RunSpec,
    data: PreparedData,
    task: Task,
    found: ProgramStatus,
    snapshots: list[dict[str, Any]],
    seconds: float,
    started: str,
    run: RunPaths,
) -> dict[str, Any]:
    """The keys of a training's status.json that are known for a program."""
    total = task.steps[-1]
    done = found.diverged_at if found.diverged_at is not None else total
    seen = snapshots[-1]["images_seen"]
    device = found.device or task.values["device"].partition(":")[0]
    name = found.device_name or (None if device == "cpu" else "GPU")
    return {
        "state": found.state,
        "program": spec.method.name,
        "command": task.command,
        "spec_digest": spec.digest(),
        "dataset_sha256": data.sha256,
        "steps_total": total,
        "steps_done": done,
        "diverged_at": found.diverged_at,
        "reason": found.reason,
        "steps_per_epoch": spec.steps_per_epoch(data.num("train")),
        "images_seen": seen,
        "snapshots": snapshots,
        "seconds": seconds,
        "images_per_second": seen / max(seconds, 1e-9),
        "updates_per_second": done / max(seconds, 1e-9),
        "max_rss_mb": runtime.max_rss_mb(children=True),
        "resumed": 0,
        "num_parameters": found.num_parameters,
        "device": runtime.host_info(task.values["threads"], device, name),
        "versions": found.versions or runtime.versions(),
        "git_revision": runtime.git_revision(),
        "started": started,
        "finished": _now(),
        "files": run_checksums(run),
    }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
