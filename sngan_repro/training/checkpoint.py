"""The saved state from which a training resumes, and the lock of a run folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import LockedError, atomic_path, file_lock
from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import ConfigError

STATE_FORMAT = 2


@contextmanager
def run_lock(run: RunPaths, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a run folder, so that no run is trained twice at once.

    The lock is released at the end of the process, also when it is killed. If another process holds it, wait for it
    (``wait``) or raise ConfigError.
    """
    try:
        with file_lock(run.resume / "lock", wait):
            yield
    except LockedError as holder:
        raise ConfigError(f"{run.root}: this run is being trained already, by {holder}") from None


def state_path(run: RunPaths) -> Path:
    """The file of the saved state."""
    return run.resume / "state.pt"


def save_state(run: RunPaths, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the state atomically: the file is the old state or the new one, never a part of it.

    identity: JSON values that identify the training. Only a training with equal values may resume from the state.
    """
    with atomic_path(state_path(run)) as temporary:
        torch.save({"format": STATE_FORMAT, "identity": json.dumps(identity), **state}, temporary)


def load_state(run: RunPaths, identity: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """(saved state on the CPU, or None to start from update 0; a message with the reason).

    A state of another identity is not used; the message lists the keys that differ.
    """
    path = state_path(run)
    if not path.exists():
        return None, "starting from update 0"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        stored = json.loads(state["identity"])
    except Exception as error:  # torch raises many kinds of errors for a file that it cannot read
        return None, f"starting from update 0: {path} cannot be read ({type(error).__name__}: {error})"
    changed = differences(stored, identity)
    if state["format"] != STATE_FORMAT or changed:
        reason = "; ".join(changed) or "format"
        return None, f"starting from update 0: the saved state belongs to another training ({reason})"
    return state, f"resuming after update {state['steps']}"


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
    for file in (run.status, run.log, run.spectra, run.scores):
        file.unlink(missing_ok=True)
    for file in run.resume.glob("*"):
        if file.name not in ("lock", run.together_log.name):
            file.unlink()
