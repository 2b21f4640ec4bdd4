"""Training a run to its end, or until a signal asks to stop."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import torch

from sngan_repro.checkpoint import run_lock
from sngan_repro.data.dataset import PreparedData
from sngan_repro.execution import Place
from sngan_repro.paths import RunPaths
from sngan_repro.session import Session
from sngan_repro.specs import RunSpec

INTERRUPTED = 75  # exit code "try again": the state is saved and the same command goes on from it


def train(
    spec: RunSpec,
    run: RunPaths,
    dataset: Path,
    device: torch.device,
    checkpoint_seconds: float = 60.0,
    tensorboard: bool = True,
    state_only: bool = False,
    keep_state: bool = False,
    graph: bool = True,
    stop: threading.Event | None = None,
    out: TextIO | None = None,
) -> dict[str, Any] | None:
    """Train one run to its end, resuming a saved state, and return the content of its status.json.

    dataset: folder of the prepared images. state_only: stop at the trained state, from which a second call writes the
    results at once; keep_state: leave that state behind beside the results. graph: on a GPU, run updates as CUDA graphs
    where the method allows it. A run whose losses or weights become non-finite ends with the state "diverged"; that is
    a result, not an error. stop: an event that saves the state and exits with code 75; without it SIGTERM and SIGINT
    do. out: where progress is told; default: standard error.
    """
    if stop is None:
        with stop_on_signals() as stop:
            return train(
                spec, run, dataset, device, checkpoint_seconds, tensorboard, state_only, keep_state, graph, stop, out
            )
    place = Place(device)
    # With companions the run may be in the hands of another job's companion, whose state this job will then find.
    with run_lock(run, wait=keep_state), place.on_stream():
        data = PreparedData.open(dataset)
        session = Session(spec, run, data, place, checkpoint_seconds, tensorboard, graph, out)
        if not session.run(stop):
            sys.exit(INTERRUPTED)
        if state_only or keep_state:
            session.save_trained()
        if state_only:
            run.progress.unlink(missing_ok=True)  # nothing is in progress until the second call
            return None
        return session.finish(keep_state)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set within the block, in the place of what they do otherwise.

    Only the main thread can receive signals; elsewhere (a notebook's worker, say) the event is never set.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
