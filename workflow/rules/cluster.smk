"""What happens on the submit node before the first job is submitted. On one machine, nothing of this."""

from contextlib import ExitStack

HELD = ExitStack()  # the study's lock, until this process ends


def before_submitting():
    """Hold the study, find missing files, and end what a killed Snakemake left in the queue."""
    try:
        HELD.enter_context(cluster.study_lock(LAYOUT))
        cluster.fetch_first(STUDY, LAYOUT, MACHINE)
        # The name that the plugin gives to all jobs of this process; other executors have none.
        run_id = getattr(workflow.scheduler._executor, "run_uuid", None)
        if run_id is not None:
            cluster.end_leftover_jobs(LAYOUT, run_id)
    except ConfigError as error:
        raise WorkflowError(f"\n{error}") from None
