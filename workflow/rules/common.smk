"""The study, resolved once: runs, datasets, file names. No torch and no science."""

import shutil
from pathlib import Path

from sngan_repro.analysis import outputs
from sngan_repro import config as configuration
from sngan_repro.data.sources import source_info
from sngan_repro.paths import Layout
from sngan_repro.study import load_study

try:
    MACHINE = configuration.parse(configuration.MachineConfig, config, "config/config.yaml or --config")
    STUDY = load_study(MACHINE.study)
except configuration.ConfigError as error:
    raise WorkflowError(f"\n{error}") from None

LAYOUT = Layout.of(MACHINE, STUDY)
RUNS = {run.id: run for run in STUDY.runs()}
DATASETS = {spec.id: spec for spec in STUDY.datasets.values()}
PROTOCOLS = "[" + ", ".join(protocol.to_json() for protocol in STUDY.scores) + "]"
RUN_PATTERN = "{dataset}/{label}/{setting}/seed{seed}"

# Jobs ask for a GPU only where there may be one, so that `resources: gpu=1` of a profile does not serialise CPU jobs.
HAS_GPU = MACHINE.device.startswith("cuda") or (MACHINE.device == "auto" and Path("/dev/nvidia0").exists())
GPU = 1 if HAS_GPU else 0
DOWNLOAD = "" if MACHINE.download else "--no-download"

# Jobs use the interpreter that runs Snakemake and the package beside this workflow, installed or not.
shell.prefix(f'export PATH="{Path(sys.executable).parent}:$PATH" PYTHONPATH="{workflow.basedir}"; ')


wildcard_constraints:
    dataset=r"[^/]+",
    label=r"[^/]+",
    setting=r"[^/]+",
    seed=r"\d+",
    dataset_id=r"[^/]+",
    evaluator=r"[^/]+",


def run_of(wildcards):
    """The specification of the run that a job's wildcards name."""
    run_id = RUN_PATTERN.format(**wildcards)
    if run_id not in RUNS:
        raise WorkflowError(f"no run '{run_id}' in study '{STUDY.name}'; `sngan-repro check` lists the runs")
    return RUNS[run_id]


def dataset_folder(wildcards):
    """The prepared images of a job's dataset."""
    return LAYOUT.dataset(STUDY.datasets[wildcards.dataset])


def evaluator_folders(wildcards):
    """Evaluator name -> its folder, for a job's dataset."""
    spec = STUDY.datasets[wildcards.dataset]
    return {name: LAYOUT.evaluator(spec, name, STUDY.classifier) for name in STUDY.evaluators}


def evaluator_files(wildcards):
    """The files by which a job waits for its evaluators."""
    return [str(folder / "evaluator.json") for folder in evaluator_folders(wildcards).values()]


def evaluators_json(wildcards):
    """The evaluators' folders as one command-line value."""
    import json

    return json.dumps({name: str(folder) for name, folder in evaluator_folders(wildcards).items()})
