"""Several trainings of small networks at once on one GPU, inside one job.

Snakemake runs the jobs of a group one after the other. So the first of them trains the others too, each in a process
of its own, up to their last state; when their turn comes, they find that state and only write their results. Whatever
goes wrong with a companion is left to its own turn.
"""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sngan_repro.files import read_json
from sngan_repro.paths import RunPaths
from sngan_repro.specs import RunSpec
from sngan_repro.study import load_study


def packs(runs: list[RunSpec], size: int) -> list[list[RunSpec]]:
    """Runs in the order of the study, up to ``size`` of one dataset together."""
    found: list[list[RunSpec]] = []
    for run in runs:
        if not found or len(found[-1]) == size or found[-1][0].dataset != run.dataset:
            found.append([])
        found[-1].append(run)
    return found


@contextmanager
def companions(spec: RunSpec, run: RunPaths, given: Namespace) -> Iterator[None]:
    """Train the other runs of a run's pack while the block trains the run itself; wait for all.

    given: the options of the command `train`, which the companions share.
    """
    started = []
    if given.together > 1 and given.study:
        found = packs(load_study(given.study).trained_runs(), given.together)
        others = [other for pack in found if spec in pack for other in pack if other != spec]
        runs_dir = Path(str(run.root).removesuffix(spec.id))
        started = [_start(other, RunPaths(runs_dir / other.id), given) for other in others]
    try:
        yield
    finally:
        for process in started:
            if process is not None:
                process.wait()


def _start(spec: RunSpec, run: RunPaths, given: Namespace) -> subprocess.Popen[bytes] | None:
    """Start the training of a companion, unless it is done."""
    if run.status.exists() and read_json(run.status)["spec_digest"] == spec.digest():
        return None
    if run.trained.exists() and run.trained.read_text(encoding="utf-8") == spec.digest():
        return None
    run.resume.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sngan_repro", "train", "--spec", spec.to_json(), "--run", str(run.root)]
    command += ["--dataset", given.dataset, "--device", given.device, "--state-only"]
    command += ["--checkpoint-seconds", str(given.checkpoint_seconds)]
    command += ["--threads", str(given.threads)] if given.threads else []
    command += ["--no-tensorboard"] if given.no_tensorboard else []
    environment = {**os.environ, "SNGAN_REPRO_RUNS_PER_GPU": "1"}
    print(f"training {spec.id} at the same time; its log: {run.resume / 'together.log'}", file=sys.stderr, flush=True)
    with (run.resume / "together.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
