"""Several trainings of small networks at once on one GPU, inside one process.

Snakemake runs the jobs of a group one after the other. So the first of them trains the others too, each in a thread
with a stream and a CUDA graph of its own, up to their last state; when their turn comes, they find that state and only
write their results. Whatever goes wrong with a companion is left to its own turn. Every run computes what it would
alone (benchmarks/pack.py says why threads, and not processes or stacked networks).
"""

from __future__ import annotations

import sys
import threading
import traceback
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sngan_repro.config import ConfigError
from sngan_repro.files import read_json
from sngan_repro.paths import RunPaths
from sngan_repro.specs import RunSpec
from sngan_repro.study import load_study

if TYPE_CHECKING:
    import torch


def packs(runs: list[RunSpec], size: int) -> list[list[RunSpec]]:
    """Runs in the order of the study, up to ``size`` of one dataset together."""
    found: list[list[RunSpec]] = []
    for run in runs:
        if not found or len(found[-1]) == size or found[-1][0].dataset != run.dataset:
            found.append([])
        found[-1].append(run)
    return found


@contextmanager
def companions(
    spec: RunSpec, run: RunPaths, given: Namespace, device: torch.device, stop: threading.Event
) -> Iterator[None]:
    """Train the other runs of a run's pack while the block trains the run itself; wait for all.

    given: the options of the command `train`, which the companions share. stop: ends all of them, their states saved.
    """
    threads = []
    if given.together > 1 and given.study:
        found = packs(load_study(given.study).trained_runs(), given.together)
        others = [other for pack in found if spec in pack for other in pack if other != spec]
        runs_dir = Path(str(run.root).removesuffix(spec.id))
        for other in others:
            other_run = RunPaths(runs_dir / other.id)
            if not _is_done(other, other_run):
                print(
                    f"training {other.id} at the same time; its log: {other_run.together_log}",
                    file=sys.stderr,
                    flush=True,
                )
                threads.append(threading.Thread(target=_train, args=(other, other_run, given, device, stop)))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()


def _is_done(spec: RunSpec, run: RunPaths) -> bool:
    if run.status.exists() and read_json(run.status)["spec_digest"] == spec.digest():
        return True
    return run.trained.exists() and run.trained.read_text(encoding="utf-8") == spec.digest()


def training_options(given: Namespace) -> dict[str, Any]:
    """What the command `train` says of all trainings of its job, as options of :func:`sngan_repro.train.train`."""
    return {
        "dataset": Path(given.dataset),
        "checkpoint_seconds": given.checkpoint_seconds,
        "tensorboard": not given.no_tensorboard,
        "graph": not given.no_cuda_graphs,
    }


def _train(spec: RunSpec, run: RunPaths, given: Namespace, device: torch.device, stop: threading.Event) -> None:
    """Train a companion to its last state, in a thread of its own."""
    import torch

    from sngan_repro.train import train

    # The number of threads is a thread's own; all else that is set up is the process's and done already: to set it up
    # again would change the precision of runs that have begun.
    torch.set_num_threads(given.threads or torch.get_num_threads())
    run.resume.mkdir(parents=True, exist_ok=True)
    with run.together_log.open("a", encoding="utf-8") as log:
        try:
            train(spec, run, device=device, state_only=True, stop=stop, out=log, **training_options(given))
        except ConfigError as error:
            print(f"error: {error}", file=log)
        except SystemExit:  # interrupted, its state saved
            pass
        except BaseException:
            traceback.print_exc(file=log)
