"""What happens on the submit node before the first job is submitted. On one machine, nothing of this."""

import os
import sys
from contextlib import ExitStack

HELD = ExitStack()  # the study's lock, until this process ends


def before_submitting():
    """Hold the study, find missing files, cancel leftover jobs of a killed Snakemake, and check the resources."""
    try:
        HELD.enter_context(PLAN.lock())
        PLAN.fetch_first()
        # The name that the Slurm plugin gives to all jobs of this process; other executors have none.
        run_id = getattr(workflow.scheduler._executor, "run_uuid", None)
        if run_id is not None:
            if PLAN.end_leftover_jobs(run_id):
                start_again()
            PLAN.check_resources(submitted_resources())
    except ConfigError as error:
        raise WorkflowError(f"\n{error}") from None


def start_again():
    """Plan anew: until they were cancelled, jobs may have finished files that the plan misses, or left parts."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, sys.orig_argv)


def submitted_resources():
    """Rule -> resources of one of its jobs, for rules whose jobs are to be submitted."""
    jobs = {job.rule.name: job for job in workflow.dag.needrun_jobs() if not job.is_local}
    return {name: dict(job.resources.items()) for name, job in jobs.items()}
