"""The study, resolved once: runs, datasets, file names. No torch and no science."""

import inspect
import json
import re
import shlex
from pathlib import Path

from sngan_repro import cluster, plugins
from sngan_repro.analysis import outputs
from sngan_repro.claims.ledger import load_ledger
from sngan_repro.config import ConfigError
from sngan_repro.data.sources import SOURCES, source_info
from sngan_repro.evaluate.evaluators import EVALUATORS
from sngan_repro.feasible import check_prepared
from sngan_repro.files import tree_stamp
from sngan_repro.paths import Layout
from sngan_repro.study import load_machine, load_study
from sngan_repro.together import packs

try:
    MACHINE = load_machine(config)
    STUDY = load_study(MACHINE.study)
    LAYOUT = Layout.of(MACHINE, STUDY)
    for name, spec in STUDY.datasets.items():
        check_prepared(name, LAYOUT.dataset(spec), STUDY.scores)  # the job `check_data` does it for what is new
except ConfigError as error:
    raise WorkflowError(f"\n{error}") from None

RUNS = {run.id: run for run in STUDY.runs()}
DATASETS = {spec.id: spec for spec in STUDY.datasets.values()}
PROTOCOLS = "[" + ", ".join(protocol.to_json() for protocol in STUDY.scores) + "]"
RUN_PATTERN = "{dataset}/{label}/{setting}/seed{seed}"

GPU = 1 if MACHINE.uses_gpu else 0

# Jobs use the package beside this workflow, installed or not, and the interpreter that runs Snakemake, unless --sdm
# gives them another. What is a matter of this machine and not of the result goes through the environment: in a rule it
# would be a reason to run again.
ENVIRONMENT = {
    "PYTHONPATH": workflow.basedir,
    "SNGAN_REPRO_DEVICE": MACHINE.device,
    "SNGAN_REPRO_DOWNLOAD": int(MACHINE.download),
    "SNGAN_REPRO_TENSORBOARD": int(MACHINE.tensorboard),
    "SNGAN_REPRO_CUDA_GRAPHS": int(MACHINE.cuda_graphs),
    "SNGAN_REPRO_CHECKPOINT_SECONDS": MACHINE.checkpoint_seconds,
    "SNGAN_REPRO_RUNS_PER_GPU": MACHINE.runs_per_gpu,
    "SNGAN_REPRO_STUDY": MACHINE.study,
    "SNGAN_REPRO_INCEPTION_WEIGHTS": MACHINE.inception_weights or "",
    "SNGAN_REPRO_PROTOCOLS": PROTOCOLS,
    plugins.ENVIRONMENT: json.dumps(plugins.chosen()),  # where they lie; what they do is part of each run
}
EXPORTS = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in ENVIRONMENT.items())
if not workflow.deployment_settings.deployment_method:
    EXPORTS = f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH {EXPORTS}"
shell.prefix(f"export {EXPORTS}; ".replace("{", "{{").replace("}", "}}"))


if MACHINE.container:

    container: MACHINE.container


wildcard_constraints:
    dataset=r"[^/]+",
    label=r"[^/]+",
    setting=r"[^/]+",
    seed=r"\d+",
    dataset_id=r"[^/]+",
    evaluator=r"[^/]+",


def one_of(labels):
    """A pattern of wildcards that matches these labels and nothing else."""
    return "|".join(map(re.escape, labels)) or "(?!)"


def run_of(wildcards):
    """The specification of the run that a job's wildcards name."""
    run_id = RUN_PATTERN.format(**wildcards)
    if run_id not in RUNS:
        raise WorkflowError(f"no run '{run_id}' in study '{STUDY.name}'; `sngan-repro check` lists the runs")
    return RUNS[run_id]


def program_of(wildcards):
    """The declaration of the program that makes a job's run."""
    return STUDY.programs[wildcards.label]


# What depends on the dataset alone is worked out once per dataset and looked up in every job.
DATASET_FOLDERS = {name: LAYOUT.dataset(spec) for name, spec in STUDY.datasets.items()}
EVALUATOR_FOLDERS = {
    dataset: {name: str(LAYOUT.evaluator(spec, name, STUDY.classifier)) for name in STUDY.evaluators}
    for dataset, spec in STUDY.datasets.items()
}
EVALUATORS_JSON = {dataset: json.dumps(folders) for dataset, folders in EVALUATOR_FOLDERS.items()}
EVALUATOR_RECORDS = {
    dataset: [f"{folder}/evaluator.json" for folder in folders.values()]
    for dataset, folders in EVALUATOR_FOLDERS.items()
}


def asked_for_each_job(function):
    """A function of wildcards. Snakemake asks three times per job what it takes; so that is worked out once."""
    function.__signature__ = inspect.signature(function)
    return function


@asked_for_each_job
def dataset_folder(wildcards):
    """The prepared images of a job's dataset."""
    return DATASET_FOLDERS[wildcards.dataset]


@asked_for_each_job
def evaluator_records(wildcards):
    """The files by which a job waits for its evaluators, and so for its dataset."""
    return EVALUATOR_RECORDS[wildcards.dataset]


@asked_for_each_job
def run_folder(wildcards):
    """The folder of a job's run."""
    return LAYOUT.run(run_of(wildcards).id).root


@asked_for_each_job
def run_json(wildcards):
    """The specification of a job's run as one command-line value."""
    return run_of(wildcards).to_json()


@asked_for_each_job
def evaluators_json(wildcards):
    """The evaluators' folders as one command-line value."""
    return EVALUATORS_JSON[wildcards.dataset]


def raw_files(wildcards):
    """What a dataset is prepared from: the record of fetched files, the user's own folder or zip, or nothing."""
    spec = DATASETS[wildcards.dataset_id]
    if source_info(spec).needs_fetch:
        return str(LAYOUT.downloads / spec.source / "source.json")
    return str(Path(spec.path).expanduser()) if spec.path else []


def evaluator_of(wildcards):
    """The evaluator of a folder such as ``classifier-1a2b3c4d``."""
    return EVALUATORS.get(wildcards.evaluator.split("-")[0])


def weights_of(wildcards):
    """The weights file that an evaluator needs, if any."""
    evaluator = evaluator_of(wildcards)
    if evaluator.weights is None:
        return []
    return evaluator.weights_given(MACHINE) or str(LAYOUT.weights_record(wildcards.evaluator))


def closing_words():
    """What to say when all that was asked for is made; the report is named only if it is up to date."""
    made, newest = LAYOUT.report_html, outputs.aggregate_files(LAYOUT)["scores"]
    if made.exists() and newest.exists() and made.stat().st_mtime >= newest.stat().st_mtime:
        return f"Study '{STUDY.name}' is complete. Report: {made} and {LAYOUT.report_pdf}"
    return f"What was asked for of study '{STUDY.name}' is made."


def content_stamp(wildcards):
    """Changes when a folder of images does, which the time of its top folder does not tell, or a source of one's own."""
    spec = DATASETS[wildcards.dataset_id]
    folder = Path(spec.path).expanduser() if spec.path else None
    stamp = tree_stamp(folder) if folder and folder.is_dir() else ""
    return stamp + (SOURCES.code(spec.source) or "")
