"""The saved state from which a training resumes, and the lock of a run folder."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from sngan_repro.config.records import Status, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import (
    ChecksumError,
    LockedError,
    append_sha256,
    atomic_path,
    file_lock,
    read_with_sha256,
    remove,
)
from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import ConfigError, shortened
from sngan_repro.training.progress import INTERRUPTED

STATE_FORMAT = 3
POLL_SECONDS = 0.2
"""Between two looks at a lock that another process holds."""


@contextmanager
def run_lock(
    run: RunPaths, wait: bool = False, out: TextIO | None = None, stop: threading.Event | None = None
) -> Iterator[bool]:
    """Hold the lock of a run folder, so that no run is trained twice at once. Yields True if it had to wait.

    The lock is released at the end of the process, also when it is killed. If another process holds it, wait for it
    (``wait``) or raise ConfigError. A job of the workflow waits: Snakemake deletes the outputs of a job that fails, and
    they would be those of the other process. out: where the wait is reported; default: standard error. stop: an event
    that ends the wait.
    """
    lock, waited = run.resume / "lock", False
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(lock, wait=False))
        except LockedError as holder:
            if not wait:
                raise ConfigError(f"{run.root}: this run is being trained already, by {holder}") from None
            print(f"{run.root}: waiting for {holder}, which trains this run", file=out or sys.stderr, flush=True)
            _wait_for(lock, held, stop)
            waited = True
        yield waited


def _wait_for(lock: Path, held: ExitStack, stop: threading.Event | None) -> None:
    """Take a lock when it is free. Exits with the code of an interruption if ``stop`` is set before."""
    while stop is None or not stop.is_set():
        try:
            held.enter_context(file_lock(lock, wait=False))
        except LockedError:
            time.sleep(POLL_SECONDS)
        else:
            return
    sys.exit(INTERRUPTED)


def finished_status(run: RunPaths, spec: RunSpec, dataset_sha256: str) -> dict[str, Any] | None:
    """status.json of a run that was trained to its end by this specification on these images, else None.

    A run of a training must have its log, too.
    """
    try:
        status = read_record(Status, run.status, run.remedy)
    except ConfigError:
        return None
    same = (status["spec_digest"], status.get("dataset_sha256")) == (spec.digest(), dataset_sha256)
    return status if same and ("program" in status or run.log.exists()) else None


def state_path(run: RunPaths) -> Path:
    """The file of the saved state."""
    return run.resume / "state.pt"


def save_state(run: RunPaths, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the state atomically: the file is the old state or the new one, never a part of it.

    identity: JSON values that identify the training. Only a training with equal values may resume from the state.
    """
    with atomic_path(state_path(run)) as temporary:
        torch.save({"format": STATE_FORMAT, "identity": json.dumps(identity), **state}, temporary)
        append_sha256(temporary)


def load_state(run: RunPaths, identity: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """(saved state on the CPU, or None to start from update 0; a message with the reason).

    A state of another identity is not used; the message lists the keys that differ.
    """
    path = state_path(run)
    if not os.path.lexists(path):
        return None, "starting from update 0"
    try:
        state = torch.load(io.BytesIO(read_with_sha256(path)), map_location="cpu", weights_only=True)
        stored, steps, version = json.loads(state["identity"]), int(state["steps"]), state["format"]
    except ChecksumError as error:
        return None, f"starting from update 0: {path} is damaged: {error}"
    except Exception as error:  # torch raises many kinds of errors for a file that it cannot read
        reason = shortened(f"{type(error).__name__}: {error}")
        return None, f"starting from update 0: {path} cannot be read ({reason})"
    changed = differences(stored, identity)
    if version != STATE_FORMAT or changed:
        reason = "; ".join(changed) or "format"
        return None, f"starting from update 0: the saved state belongs to another training ({shortened(reason, 500)})"
    return state, f"resuming after update {steps}"


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """The keys that differ between two nested specifications, as ``key: old -> new``."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for name in sorted(old.keys() | new.keys()):
            found += differences(old.get(name), new.get(name), f"{key}.{name}" if key else name)
        return found
    return [] if old == new else [f"{key}: {old} -> {new}"]


def clear_results(run: RunPaths) -> None:
    """Remove the files of an earlier training from the run folder, except the lock and the log in use."""
    for folder in (run.root / "snapshots", run.samples, run.tensorboard):
        shutil.rmtree(folder, ignore_errors=True)
    files = [run.spec, run.status, run.log, run.spectra, run.discriminator, *run.evaluated]
    for file in [*files, *run.resume.glob("*")]:
        if file.name not in ("lock", run.together_log.name):
            remove(file)
