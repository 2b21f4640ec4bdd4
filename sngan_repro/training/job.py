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

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.data.dataset import PreparedData
from sngan_repro.training.checkpoint import finished_status, run_lock
from sngan_repro.training.cuda_graph import RunContext
from sngan_repro.training.options import DEFAULT_OPTIONS, TrainOptions
from sngan_repro.training.progress import INTERRUPTED as INTERRUPTED
from sngan_repro.training.results import write_results
from sngan_repro.training.session import Session


def train(
    spec: RunSpec,
    run: RunPaths,
    dataset: Path,
    device: torch.device,
    options: TrainOptions = DEFAULT_OPTIONS,
    stop: threading.Event | None = None,
    out: TextIO | None = None,
) -> dict[str, Any] | None:
    """Train one run to its end, resuming a saved state, and return the content of its status.json.

    A run that was trained to its end on these images is left as it is: studies share runs, and another study may have
    trained it since this job was planned. To train it again, delete its folder.

    dataset: folder of the prepared images. stop: an event that saves the state and exits with code 75; without it
    SIGTERM and SIGINT do. out: where progress is printed; default: standard error. A run whose losses or weights become
    non-finite ends with the state "diverged"; that is a result, not an error. Returns None with ``state_only``.
    """
    if stop is None:
        with stop_on_signals() as stop:
            return train(spec, run, dataset, device, options, stop, out)
    context = RunContext(device)
    # In a group the run may be a companion in another job, whose state this job will then find.
    with run_lock(run, options.wait or options.keep_state, out, stop), context.on_stream():
        data = PreparedData.open(dataset)
        if (status := finished_status(run, spec, data.sha256)) is not None:
            print(f"{spec.name}: trained already", file=out or sys.stderr, flush=True)
            return status
        with Session(spec, run, data, context, options, out) as session:
            if not session.run(stop):
                sys.exit(INTERRUPTED)
            if options.state_only or options.keep_state:
                session.save_trained()
            if options.state_only:
                run.progress.unlink(missing_ok=True)  # nothing is in progress until the second call
                return None
            return write_results(session)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set within the block, instead of their usual effect.

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
