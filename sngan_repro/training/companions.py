"""Several trainings of small networks at the same time on one GPU, in one process.

Snakemake runs the jobs of a group one after the other. So the first job of a group trains the other runs too, each in
a thread with its own CUDA stream and CUDA graph, and saves their last state. The jobs of these runs then load that
state and only write the results. An error in a companion is reported by the companion's own job. Each run gives the
numbers that it gives alone. benchmarks/pack.py compares threads with processes and with stacked networks.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sngan_repro.config.records import Status, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    import torch

    from sngan_repro.training.options import TrainOptions

Run = tuple[RunSpec, RunPaths]


@contextmanager
def companions(
    others: Sequence[Run],
    dataset: Path,
    device: torch.device,
    options: TrainOptions,
    stop: threading.Event,
    threads: int | None = None,
) -> Iterator[None]:
    """Train ``others`` while the block trains another run of the same dataset; wait for all.

    stop: an event that ends all of them, with their states saved. threads: CPU threads of each.
    """
    started = []
    for spec, run in others:
        if not _is_done(spec, run):
            print(f"training {spec.name} at the same time; its log: {run.together_log}", file=sys.stderr, flush=True)
            given = (spec, run, dataset, device, options, stop, threads)
            started.append(threading.Thread(target=_train, args=given))
    if started:
        from sngan_repro.training.log import import_writers

        import_writers()  # in one thread
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        for thread in started:
            thread.join()


def _is_done(spec: RunSpec, run: RunPaths) -> bool:
    with contextlib.suppress(ConfigError):  # a damaged status is trained anew, as is a missing one
        if read_record(Status, run.status, run.remedy)["spec_digest"] == spec.digest():
            return True
    try:
        return run.trained.read_bytes() == spec.digest().encode()
    except OSError:
        return False


def _train(
    spec: RunSpec,
    run: RunPaths,
    dataset: Path,
    device: torch.device,
    options: TrainOptions,
    stop: threading.Event,
    threads: int | None,
) -> None:
    """Train a companion to its last state, in its own thread."""
    import torch

    from sngan_repro.training.job import train

    # The number of CPU threads is set for each thread. All other settings are those of the process and are set already:
    # setting them again would change the precision of the runs in progress.
    torch.set_num_threads(threads or torch.get_num_threads())
    run.resume.mkdir(parents=True, exist_ok=True)
    with run.together_log.open("a", encoding="utf-8") as log:
        try:
            train(spec, run, dataset, device, replace(options, state_only=True), stop=stop, out=log)
        except ConfigError as error:
            print(f"error: {error}", file=log)
        except SystemExit:  # interrupted, with its state saved
            pass
        except BaseException:
            traceback.print_exc(file=log)
