"""For clusters only: time limits, missing files, and jobs that a killed Snakemake left. No torch."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sngan_repro.config.machine import MachineConfig
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import write_text
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources import source_info
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.methods.program import Program
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study
from sngan_repro.workflow.cost import total_steps

START_MINUTES = 10
"""For the start of Python and torch on a busy file system, and for the signal before the end of the time limit."""
UNKNOWN_MINUTES = 24 * 60
"""The time limit while the length of a training is unknown, because its images are not prepared."""
SBATCH = {
    "slurm_partition": "partition",
    "slurm_account": "account",
    "constraint": "constraint",
    "qos": "qos",
    "gres": "gres",
    "gpu": "gpus",
    "cpus_per_task": "cpus-per-task",
    "mem_mb": "mem",
    "runtime": "time",
}
"""Resource of a rule -> option of sbatch, as in the Slurm plugin of Snakemake."""
CANCEL_SECONDS = 180.0
"""The time to wait for cancelled jobs to end. Slurm kills them after KillWait (30 s by default)."""


def train_minutes(run: RunSpec, layout: Layout, machine: MachineConfig, attempt: int = 1) -> int:
    """The time limit of a training in minutes: longer with each attempt, at most ``max_minutes`` of the site.

    A training that reaches its limit is resumed by the next attempt, so a short limit costs only time in the queue. The
    job of trainings that share a GPU gets the sum of their limits, which is at most ``max_minutes`` too.
    """
    steps = total_steps(run, layout)
    minutes = float(UNKNOWN_MINUTES)
    if steps is not None:
        passes = (1 + run.optimizer.n_dis) / 2  # steps of D and G, relative to one of each
        minutes = START_MINUTES + steps * passes / machine.updates_per_second / 60
    longest = machine.max_minutes // machine.runs_per_gpu if machine.max_minutes else sys.maxsize
    return max(1, min(math.ceil(minutes) * attempt, longest))


def program_minutes(program: Program, machine: MachineConfig, attempt: int = 1) -> int:
    """The time limit of a program's job in minutes: the declared one times the attempt, at most ``max_minutes``."""
    return min(program.minutes * attempt, machine.max_minutes or sys.maxsize)


def fetch_first(study: Study, layout: Layout, machine: MachineConfig) -> None:
    """Fetch missing raw files and weights, or check those staged by hand, before any job is submitted.

    Files that were fetched before are not checked again. Raises ConfigError that names every missing file and where to
    put it.
    """
    problems = []
    infos = [(spec, source_info(spec)) for spec in study.datasets.values()]
    for source in dict.fromkeys(info.fetched_as for _, info in infos if info.needs_fetch):
        prepared = all(
            (layout.dataset(spec) / "dataset.json").exists() for spec, info in infos if info.fetched_as == source
        )
        if not prepared and not (layout.downloads / source / "source.json").exists():
            from sngan_repro.data.fetch import fetch

            print(f"fetching or checking the files of '{source}' before anything is submitted", file=sys.stderr)
            problems += _problem(partial(fetch, source, layout.downloads, machine.download))
    for name in study.evaluators:
        evaluator = EVALUATORS.get(name)
        if evaluator.weights and not evaluator.weights_given(machine) and not layout.weights_record(name).exists():
            from sngan_repro.evaluation.weights import fetch_weights

            print(f"fetching or checking the weights of '{name}' before anything is submitted", file=sys.stderr)
            problems += _problem(partial(fetch_weights, evaluator.weights, layout.weights, machine.download))
    if problems:
        raise ConfigError("nothing was submitted, since files are missing:\n" + "\n".join(problems))


def _problem(step: Callable[[], object]) -> list[str]:
    try:
        step()
    except ConfigError as error:
        return [str(error)]
    return []


def check_resources(asked: dict[str, dict[str, Any]]) -> None:
    """Check that Slurm accepts the jobs, once per rule; otherwise every single job would be refused.

    asked: rule -> resources of one of its jobs. Raises ConfigError with the message of Slurm.
    """
    for rule, resources in asked.items():
        options = [
            f"--{SBATCH[name]}={value}"
            for name, value in resources.items()
            if name in SBATCH and value not in (0, "", "<TBD>")
        ]
        if refusal := _refusal(options):
            raise ConfigError(
                f"Slurm would refuse the jobs of rule '{rule}', so nothing was submitted:\n"
                f"  asked: sbatch {' '.join(options)}\n"
                f"  {refusal}\n"
                f"  partitions here: {', '.join(_query('sinfo', '--noheader', '--format=%R'))}\n"
                "Edit slurm/config.yaml: `default-resources` (partition, account, constraint) or `set-resources` (what "
                "each rule asks for); or give --default-resources slurm_partition=NAME on the command line."
            )


def _refusal(options: list[str]) -> str:
    """The reason why Slurm refuses a job; empty if it accepts the job."""
    command = ["sbatch", *options, "--output=/dev/null", "--wrap=true"]
    if not subprocess.run([*command, "--test-only"], capture_output=True, check=False).returncode:
        return ""
    # A test also fails while all nodes are down or drained, although a job would only have to wait. So a job that does
    # nothing is submitted, and cancelled.
    answer = subprocess.run([*command, "--parsable"], capture_output=True, text=True, check=False)
    if answer.returncode:
        return answer.stderr.strip()
    subprocess.run(["scancel", answer.stdout.split(";")[0].strip()], check=False)
    return ""


def end_leftover_jobs(layout: Layout, run_id: str) -> bool:
    """Cancel the Slurm jobs that an earlier, killed Snakemake of this study left, and record this one's name.

    Otherwise they would run on while this Snakemake submits the same work again. A cancelled training saves its state,
    and the new job resumes it. run_id: the name of this Snakemake's jobs.

    Returns True if there were any. Then the plan may be wrong, since it was made from the files before. Raises
    ConfigError if the jobs do not end.
    """
    record, found = layout.logs / "slurm_run", False
    if record.exists():
        earlier = record.read_text(encoding="utf-8").strip()
        if jobs := _jobs(earlier):
            found = True
            print(f"cancelling {len(jobs)} jobs of an earlier Snakemake that was killed", file=sys.stderr)
            subprocess.run(["scancel", *jobs], check=False)
            end = time.monotonic() + CANCEL_SECONDS
            while jobs := _jobs(earlier):
                if time.monotonic() > end:
                    raise ConfigError(
                        f"jobs of an earlier Snakemake do not end: {', '.join(jobs)}; look at `squeue`, and run again "
                        "when they are gone"
                    )
                time.sleep(1)
    write_text(record, run_id + "\n")
    return found


def _jobs(name: str) -> list[str]:
    """The ids of the jobs of this name that wait, run or are about to end."""
    return _query("squeue", "--noheader", "--format=%i", f"--name={name}")


def _query(*command: str) -> list[str]:
    """The words that a Slurm command prints."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise ConfigError(f"Slurm does not answer `{' '.join(command)}`: {str(reason).strip()}") from None
    return answer.stdout.split()
