"""The plan of a study: all values that the Snakefile needs. No torch and no Snakemake here.

The Snakefile imports this module and no other of the package. Wildcards are those of the rules in workflow/rules/.
"""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sngan_repro.analysis import outputs
from sngan_repro.analysis.claims.ledger import load_ledger
from sngan_repro.config.machine import MachineConfig, load_machine
from sngan_repro.config.specs import DatasetSpec, RunSpec
from sngan_repro.core import plugins
from sngan_repro.core.schema import ConfigError as ConfigError
from sngan_repro.data.sources import SOURCES, source_info
from sngan_repro.evaluation.evaluators import EVALUATORS, Evaluator
from sngan_repro.evaluation.feasible import check_prepared
from sngan_repro.evaluation.selection import REAL_DRAWS
from sngan_repro.methods.program import Program
from sngan_repro.report.skeleton import check_texts, template_folder
from sngan_repro.report.study_file import sources
from sngan_repro.study.benchmark import benchmark_text
from sngan_repro.study.held_out import check_prepared_held_out
from sngan_repro.study.labels import check_prepared_classes
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import load_study, study_path
from sngan_repro.study.study import Study
from sngan_repro.workflow import cluster, links, locks, stamps
from sngan_repro.workflow.runs import PlannedRuns


class Plan:
    """A study on this machine: its runs, the files of every rule, and the values of every command.

    config: the overrides of ``--config``. Raises ConfigError for any mistake that can be found before a job starts.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.machine: MachineConfig = load_machine(config)
        self.study: Study = load_study(self.machine.study, self.machine.set)
        self.layout = Layout.of(self.machine, self.study)
        links.check_migrated(self.layout)  # also before a dry run, which would list all trainings
        self._last_worker = locks.last_worker(self.layout)  # before any file is looked at
        for name, spec in self.study.datasets.items():
            # This checks data that are prepared already. The job `check_data` checks new data.
            check_prepared(name, self.layout.dataset(spec), self.study.scores)
            check_prepared_classes(self.study, name, self.layout.dataset(spec))
            check_prepared_held_out(self.study, name, self.layout.dataset(spec))
        self.runs = PlannedRuns(self.study)
        self.datasets: dict[str, DatasetSpec] = {spec.id: spec for spec in self.study.datasets.values()}
        self.num_real_draws = REAL_DRAWS
        self.protocols = "[" + ", ".join(protocol.to_json() for protocol in self.study.scores) + "]"
        self.gpu = 1 if self.machine.uses_gpu else 0
        self.tables = outputs.table_files(self.layout, self.study)
        self.figures = outputs.figure_files(self.study, self.layout)
        self.claims = outputs.claim_files(self.study, self.layout)
        self.ledger_version = load_ledger(self.study.claims).version() if self.study.claims else ""
        self.aggregated = outputs.aggregate_files(self.layout)
        self.measured_files = self.layout.measured_files(self.study)
        self.timed = benchmark_text(self.study)
        self.templates = template_folder()
        # Values that depend on the dataset alone are computed once per dataset, and looked up in every job.
        self._folders = {id: self.layout.dataset(spec) for id, spec in self.datasets.items()}
        folders = {
            id: {name: self.layout.evaluator(spec, name, self.study.classifier) for name in self.study.evaluators}
            for id, spec in self.datasets.items()
        }
        self._evaluators_json = {id: json.dumps(value, default=str) for id, value in folders.items()}
        files_of = self.layout.evaluator_files
        files = {id: [files_of(id, folder.name) for folder in found.values()] for id, found in folders.items()}
        self._evaluator_records = {id: [str(record) for record, *_ in found] for id, found in files.items()}
        self.evaluator_files = [file for found in files.values() for each in found for file in each]
        self.dataset_files = [file for id in self.datasets for file in self.layout.dataset_files(id)]
        self.report_sources = sources(study_path(self.machine.study))

    @property
    def study_options(self) -> str:
        """The command-line options that name the study and its folders."""
        machine = self.machine
        options = ["--study", machine.study, "--results-dir", machine.results_dir, "--data-dir", machine.data_dir]
        return shlex.join([*options, *(word for text in self.study.changes for word in ("--set", text))])

    @property
    def study_text(self) -> str:
        """A text that changes with the study file and with the declarations of its programs."""
        return "".join(part.to_json() for part in (self.study, *self.study.programs.values()))

    @property
    def published_files(self) -> list[str]:
        """The user's own file of published values, if the study names one; the files of the package count as code."""
        return [self.study.reference] if self.study.reference and Path(self.study.reference).suffix else []

    def environment(self, folder: str, own_python: bool) -> str:
        """``NAME=value ...`` for every job: values of this machine on which no result depends.

        As parameters of a rule they would be a reason to run its jobs again. folder: that of the workflow; jobs use the
        package in it, installed or not. own_python: False if Snakemake gives the jobs another interpreter (``--sdm``).
        """
        machine = self.machine
        values: dict[str, object] = {
            "PYTHONPATH": folder,
            "SNGAN_REPRO_DEVICE": machine.device,
            "SNGAN_REPRO_DOWNLOAD": int(machine.download),
            "SNGAN_REPRO_TENSORBOARD": int(machine.tensorboard),
            "SNGAN_REPRO_CUDA_GRAPHS": int(machine.cuda_graphs),
            "SNGAN_REPRO_COMPILE": machine.compile,
            "SNGAN_REPRO_STREAM_IMAGES": {None: "auto", True: "always", False: "never"}[machine.stream_images],
            "SNGAN_REPRO_CHECKPOINT_SECONDS": machine.checkpoint_seconds,
            "SNGAN_REPRO_RUNS_PER_GPU": machine.runs_per_gpu,
            "SNGAN_REPRO_STUDY": machine.study,
            "SNGAN_REPRO_SET": json.dumps(self.study.changes),
            "SNGAN_REPRO_INCEPTION_WEIGHTS": machine.inception_weights or "",
            "SNGAN_REPRO_PROTOCOLS": self.protocols,
            plugins.ENVIRONMENT: json.dumps(plugins.chosen()),  # only their paths; their code is part of a run
        }
        exports = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in values.items())
        return f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH {exports}" if own_python else exports

    # Data and evaluators.

    def raw_files(self, wildcards: Any) -> str | list[str]:
        """The input of ``prepare``: the record of fetched files, the stamp of the user's own images, or nothing."""
        spec = self.datasets[wildcards.dataset_id]
        if (info := source_info(spec)).needs_fetch:
            return str(self.layout.downloads / info.fetched_as / "source.json")
        return str(stamps.written_stamp(self.layout, spec)) if spec.path else []

    def source_code(self, wildcards: Any) -> str:
        """A text that changes with the code of the user's own source."""
        return SOURCES.code(self.datasets[wildcards.dataset_id].source) or ""

    def evaluator_of(self, wildcards: Any) -> type[Evaluator]:
        """The evaluator of a folder such as ``classifier-1a2b3c4d``."""
        return EVALUATORS.get(wildcards.evaluator.split("-")[0])

    def evaluator_options(self, wildcards: Any) -> str:
        """The options of a trained evaluator, JSON."""
        return self.study.classifier.to_json() if self.evaluator_of(wildcards).trained else "{}"

    def weights_of(self, wildcards: Any) -> str | list[str]:
        """The weights file that an evaluator needs, if any."""
        evaluator = self.evaluator_of(wildcards)
        if evaluator.weights is None:
            return []
        return evaluator.weights_given(self.machine) or str(self.layout.weights_record(wildcards.evaluator))

    @property
    def scoring_of_real_images_needs_gpu(self) -> int:
        """1 when real images pass through a network again, since a protocol changes their pixels."""
        return self.gpu if any(protocol.changes_pixels for protocol in self.study.scores) else 0

    # Runs.

    def run_of(self, wildcards: Any) -> RunSpec:
        """The specification of a job's run. Raises ConfigError for a run that the study does not have."""
        return self.runs[wildcards.run]

    def run_folder(self, wildcards: Any) -> Path:
        """The folder of a job's run."""
        return self.layout.stored(wildcards.run).root

    def run_json(self, wildcards: Any) -> str:
        """The specification of a job's run as one command-line value."""
        return self.run_of(wildcards).to_json()

    def dataset_id(self, wildcards: Any) -> str:
        """The name of a job's prepared images: those of its run, or of the dataset that the study calls so."""
        if hasattr(wildcards, "run"):
            return self.run_of(wildcards).data.id
        return self.study.datasets[wildcards.dataset].id

    def dataset_folder(self, wildcards: Any) -> Path:
        """The prepared images of a job."""
        return self._folders[self.dataset_id(wildcards)]

    def checked_data(self, wildcards: Any) -> str:
        """The mark that a job's prepared images were checked."""
        return str(self.layout.checked_data(self.dataset_id(wildcards)))

    def evaluator_records(self, wildcards: Any) -> list[str]:
        """The files of the evaluators that a job waits for, and so for its dataset."""
        return self._evaluator_records[self.dataset_id(wildcards)]

    def evaluators_json(self, wildcards: Any) -> str:
        """The evaluators' folders as one command-line value."""
        return self._evaluators_json[self.dataset_id(wildcards)]

    def train_minutes(self, wildcards: Any, attempt: int) -> int:
        """The time limit of a training."""
        return cluster.train_minutes(self.run_of(wildcards), self.layout, self.machine, attempt)

    # Programs among the methods.

    def program_of(self, wildcards: Any) -> Program:
        """The declaration of the program that makes a job's run."""
        return self.study.programs[self.runs.programs[wildcards.run]]

    def program_minutes(self, wildcards: Any, attempt: int) -> int:
        """The time limit of a program's job."""
        return cluster.program_minutes(self.program_of(wildcards), self.machine, attempt)

    @property
    def program_rules(self) -> list[str]:
        """Snakemake files of programs that need files made beforehand."""
        programs = self.study.programs.values()
        return sorted({str(p.place(p.rules).resolve()) for p in programs if p.rules})

    def keep_checked(self) -> None:
        """Mark images that were prepared before as checked: this plan has checked them, so no training waits for it."""
        for dataset_id in self.datasets:
            stamps.keep_checked(self.layout.dataset_files(dataset_id), self.layout.checked_data(dataset_id))

    share_folder = staticmethod(locks.share_folder)  # before the first job

    def lock(self) -> AbstractContextManager[bool]:
        """Lock the study (see :func:`sngan_repro.workflow.locks.study_lock`), and check its texts for the report."""
        check_texts(self.study)
        return locks.study_lock(self.layout, self._last_worker)

    def link_runs(self) -> None:
        """Make the links to the runs of the study; the study must be locked."""
        links.link_runs(self.study, self.layout)

    def fetch_first(self) -> None:
        """Fetch missing files on the submit node, since compute nodes may have no network."""
        cluster.fetch_first(self.study, self.layout, self.machine)

    def end_leftover_jobs(self, run_id: str) -> bool:
        """Cancel the jobs that a killed Snakemake left in the queue; True when there were some."""
        return cluster.end_leftover_jobs(self.layout, run_id)

    def check_resources(self, asked: dict[str, dict[str, Any]]) -> None:
        """Check that the batch system accepts the resources of each rule. Raises ConfigError."""
        if "train" in asked:
            asked["train"]["runtime"] *= self.machine.runs_per_gpu  # the job of a group gets the sum
        cluster.check_resources(asked)

    def closing_message(self) -> str:
        """The message after all targets are made. It names the report only if that is up to date."""
        made, newest = self.layout.report_html, self.aggregated["scores"]
        if made.exists() and newest.exists() and made.stat().st_mtime >= newest.stat().st_mtime:
            return f"Study '{self.study.name}' is complete. Report: {made} and {self.layout.report_pdf}"
        return f"The requested files of study '{self.study.name}' are made."
