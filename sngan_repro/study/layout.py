"""The paths of all files. No other module knows file names; the Snakefile and the commands use this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sngan_repro.config.machine import MachineConfig
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import DatasetSpec, EvaluatorSpec, RunSpec
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.study.study import Study

RUNS = "runs"
"""The folder of all runs in that of the results, and of the links in that of a study."""

CHANGES = "changes.json"


@dataclass(frozen=True)
class Layout:
    """The folders of one study on one machine. scoring, gallery: as in :class:`RunPaths`."""

    study: str
    results_dir: Path
    data_dir: Path
    scoring: str = ""
    gallery: str = ""

    @classmethod
    def of(cls, machine: MachineConfig, study: Study | str) -> Layout:
        """The folders of a study, or of the study with this name, as config/config.yaml sets them."""
        folders = Path(machine.results_dir), Path(machine.data_dir)
        return cls(study, *folders) if isinstance(study, str) else cls(study.name, *folders, *study.evaluations)

    @property
    def root(self) -> Path:
        """The folder of all results of the study."""
        return self.results_dir / self.study

    def run(self, run_id: str) -> RunPaths:
        """The files of a run of the study, by its link."""
        return self.linked(f"{RUNS}/{run_id}")

    def linked(self, folder: str) -> RunPaths:
        """The files of a run, by its folder in that of the study, such as ``runs/digits/SNGAN/A/seed0``."""
        return RunPaths(self.root / folder, self.scoring, self.gallery)

    @property
    def links(self) -> Path:
        """The links to the runs of the study."""
        return self.root / RUNS

    @property
    def changes(self) -> Path:
        """How the study differs from its file, if a command replaced keys of it; else there is no such file."""
        return self.root / CHANGES

    def stored(self, run: RunSpec | str) -> RunPaths:
        """The files of a run, or of the run with this name, where all studies share them."""
        name = run if isinstance(run, str) else run.name
        return RunPaths(self.store / name, self.scoring, self.gallery)

    @property
    def store(self) -> Path:
        """The runs of all studies of the results folder."""
        return self.results_dir / RUNS

    def real_scores(self, dataset: str) -> Path:
        """Scores of real images under the study's protocols."""
        return self.root / "real" / f"{dataset}.json"

    def measured_files(self, study: Study) -> list[Path]:
        """The times of updates and the records of the galleries of all trainings, as far as the study has them."""
        times = [self.times] if study.benchmark else []
        return times + ([self.stored(run).gallery for run in study.trained_runs()] if study.gallery else [])

    @property
    def times(self) -> Path:
        """Times of updates that the study's ``benchmark`` measured."""
        return self.root / "times.json"

    @property
    def networks(self) -> Path:
        """The layers of all networks."""
        return self.root / "networks.json"

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    @property
    def figures(self) -> Path:
        return self.root / "figures"

    @property
    def report_html(self) -> Path:
        return self.root / "report.html"

    @property
    def report_pdf(self) -> Path:
        return self.root / "report.pdf"

    @property
    def report_latex(self) -> Path:
        """The report in LaTeX with its figures, a zip."""
        return self.root / "report_latex.zip"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def run_log(self, step: str, run: RunSpec | str) -> Path:
        """The log of a run's job in this study. step: train or score."""
        return self.logs / step / f"{run if isinstance(run, str) else run.name}.log"

    # Shared by all studies: named by digests, so that a name has one meaning only.

    @property
    def downloads(self) -> Path:
        """Archives, fetched or staged by hand."""
        return self.data_dir / "downloads"

    @property
    def weights(self) -> Path:
        """Weights of published evaluators."""
        return self.data_dir / "weights"

    def weights_record(self, evaluator: str) -> Path:
        """A record that names an evaluator's file in :attr:`weights`, written when that file is fetched or checked."""
        return self.weights / f"{evaluator}.json"

    def dataset(self, spec: DatasetSpec) -> Path:
        """The folder of prepared images."""
        return self.data_dir / "prepared" / spec.id

    def dataset_files(self, dataset_id: str) -> list[Path]:
        """The files of prepared images. The first is the record, which is written last."""
        folder = self.data_dir / "prepared" / dataset_id
        return [folder / name for name in ("dataset.json", "images.npy", "labels.npy")]

    def checked_data(self, dataset_id: str) -> Path:
        """Exists if prepared images were checked, before any training on them."""
        return self.data_dir / "prepared" / f"{dataset_id}.checked"

    def source_stamp(self, spec: DatasetSpec) -> Path:
        """The stamp of the user's own images. It is written when they change, and then they are prepared again."""
        return self.data_dir / "prepared" / f"{spec.id}.stamp"

    def evaluator(self, spec: DatasetSpec, evaluator: str, options: EvaluatorSpec) -> Path:
        """The folder of an evaluator for one dataset."""
        suffix = f"-{options.digest()[:8]}" if EVALUATORS.get(evaluator).trained else ""
        return self.data_dir / "evaluators" / spec.id / f"{evaluator}{suffix}"

    def evaluator_files(self, dataset_id: str, folder: str) -> list[Path]:
        """The files of every evaluator in ``folder``, such as classifier-1a2b3c4d. The first is the record."""
        root = self.data_dir / "evaluators" / dataset_id / folder
        return [root / name for name in ("evaluator.json", "features_train.npz", "features_test.npz")]
