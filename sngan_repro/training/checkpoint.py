"""The resumable state of a training, its lock, and the snapshots of G."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import atomic_path, file_lock, process_name
from sngan_repro.core.lazy import torch
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    pass

STATE_FORMAT = 1


@contextmanager
def run_lock(run: RunPaths, wait: bool = False) -> Iterator[None]:
    """Hold the run folder for this process: no run may be trained twice at once.

    The lock ends with the process, also when it is killed. Raises ConfigError when another process holds it, unless
    ``wait``.
    """
    path = run.resume / "lock"
    try:
        with file_lock(path, wait) as stream:
            stream.write(process_name())
            stream.flush()
            yield
    except BlockingIOError:
        raise ConfigError(f"{run.root}: this run is being trained already, by {path.read_text().strip()}") from None


def state_path(run: RunPaths) -> Path:
    """The file with the resume state."""
    return run.resume / "state.pt"


def save_state(run: RunPaths, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the resume state atomically: the file is the old state or the new one, never a part.

    identity: what the training is of (JSON values); only a training of the same may go on from the state.
    """
    with atomic_path(state_path(run)) as temporary:
        torch.save({"format": STATE_FORMAT, "identity": json.dumps(identity), **state}, temporary)


def load_state(run: RunPaths, identity: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """(resume state on the CPU, or None to start anew; a sentence that says which and why).

    A state of another identity is not used: the sentence lists the keys that differ.
    """
    path = state_path(run)
    if not path.exists():
        return None, "starting anew"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        stored = json.loads(state["identity"])
    except Exception as error:  # torch raises many kinds; whatever is unreadable is useless, and said to be
        return None, f"starting anew: {path} cannot be read ({type(error).__name__}: {error})"
    changed = differences(stored, identity)
    if state["format"] != STATE_FORMAT or changed:
        return None, f"starting anew: the saved state is of another training ({'; '.join(changed) or 'format'})"
    return state, f"resuming after update {state['steps']}"


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """The keys in which two nested specifications differ, as ``key: old -> new``."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for name in sorted(old.keys() | new.keys()):
            found += differences(old.get(name), new.get(name), f"{key}.{name}" if key else name)
        return found
    return [] if old == new else [f"{key}: {old} -> {new}"]


def clear_results(run: RunPaths) -> None:
    """Remove what an earlier training left in the run folder, but for the lock and the log that is being written."""
    for folder in (run.root / "snapshots", run.samples, run.tensorboard):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (run.status, run.log, run.scores):
        file.unlink(missing_ok=True)
    for file in run.resume.glob("*"):
        if file.name not in ("lock", run.together_log.name):
            file.unlink()
