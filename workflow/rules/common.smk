"""The plan of the study. All values that the rules need come from PLAN."""

import inspect
import shlex
from pathlib import Path

from sngan_repro.workflow.plan import ConfigError, Plan

try:
    PLAN = Plan(config)
except ConfigError as error:
    raise WorkflowError(f"\n{error}") from None

RUN_PATTERN = "{run}"  # the name of a run
LAYOUT, STUDY, RUNS = PLAN.layout, PLAN.study, PLAN.runs

# False in a workflow that imports this one as a module. Then `onstart` is not called, and messages know no variables.
IS_MAIN = workflow.modifier.is_main_snakefile()
TITLE = "{RUNS:{wildcards.run}}" if IS_MAIN else "{wildcards.run}"  # of a run, in messages

CLONE = Path(str(workflow.current_basedir)).parents[1]
EXPORTS = PLAN.environment(str(CLONE), own_python=not workflow.deployment_settings.deployment_method)
shell.prefix(f"export {EXPORTS}; ".replace("{", "{{").replace("}", "}}"))


if PLAN.machine.container:

    container: PLAN.machine.container


wildcard_constraints:
    run=r"[^/]+",
    dataset=r"[^/]+",
    dataset_id=r"[^/]+",
    evaluator=r"[^/]+",


def per_job(method):
    """A method of PLAN as a function of wildcards. It keeps its signature: Snakemake reads that three times per job."""

    def of_wildcards(wildcards):
        try:
            return method(wildcards)
        except ConfigError as error:
            raise WorkflowError(str(error)) from None

    of_wildcards.__signature__ = inspect.signature(of_wildcards)
    return of_wildcards


run_of = per_job(PLAN.run_of)
run_json = per_job(PLAN.run_json)
run_folder = per_job(PLAN.run_folder)
dataset_folder = per_job(PLAN.dataset_folder)
checked_data = per_job(PLAN.checked_data)
evaluator_records = per_job(PLAN.evaluator_records)
evaluators_json = per_job(PLAN.evaluators_json)
