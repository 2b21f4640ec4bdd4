"""On clusters only: checks on the submit node before the first job is submitted."""

import atexit
import os
import sys
from contextlib import ExitStack

HELD = ExitStack()  # holds the study's lock until this process ends
atexit.register(HELD.close)  # while modules still exist; at the very end, releasing the lock would fail


def before_submitting():
    """Lock the study, find missing files, cancel jobs that a killed Snakemake left, and check the resources."""
    try:
        HELD.enter_context(PLAN.lock())
        PLAN.fetch_first()
        # The name that the Slurm plugin gives to all jobs of this process. Other executors have no such name.
        run_id = getattr(workflow.scheduler._executor, "run_uuid", None)
        if run_id is not None:
            if PLAN.end_leftover_jobs(run_id):
                start_again()
            PLAN.check_resources(submitted_resources())
    except ConfigError as error:
        raise WorkflowError(f"\n{error}") from None


def start_again():
    """Start this process again for a new plan: the cancelled jobs may have finished files, or left parts of them."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, sys.orig_argv)


def submitted_resources():
    """Rule -> resources of one of its jobs, for the rules whose jobs are submitted."""
    jobs = {job.rule.name: job for job in workflow.dag.needrun_jobs() if not job.is_local}
    return {name: dict(job.resources.items()) for name, job in jobs.items()}
