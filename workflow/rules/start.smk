"""Before the first job: the lock of the study. On clusters also checks on the submit node."""

import atexit
import os
import sys
from contextlib import ExitStack

HELD = ExitStack()  # holds the study's lock until this process ends
atexit.register(HELD.close)  # while modules still exist; at the very end, releasing the lock would fail


if workflow.is_main_process and IS_MAIN:
    # A Snakemake that was killed leaves its locks in the folder, and the next one would ask for --unlock.
    IN_USE = PLAN.share_folder()  # kept open until this process ends

if workflow.is_main_process:
    PLAN.keep_checked()


def before_the_first_job():
    """Lock the study. On a cluster find missing files, cancel jobs that a killed Snakemake left, check the resources."""
    if not workflow.is_main_process:
        return  # a job that Snakemake runs as a process of its own
    try:
        if HELD.enter_context(PLAN.lock()):
            start_again()
        PLAN.link_runs()
        if not workflow.non_local_exec:
            return
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
    """Start this process again for a new plan: other jobs may have finished files since, or left parts of them."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, sys.orig_argv)


def submitted_resources():
    """Rule -> resources of one of its jobs, for the rules whose jobs are submitted."""
    jobs = {job.rule.name: job for job in workflow.dag.needrun_jobs() if not job.is_local}
    return {name: dict(job.resources.items()) for name, job in jobs.items()}
