"""The results of a study as pandas frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sngan_repro.analysis.outputs import aggregate_files, claim_files, table_files
from sngan_repro.analysis.tabular import read_log, read_table
from sngan_repro.config.machine import load_machine
from sngan_repro.config.records import Status, read_record
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import load_study
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class StudyResults:
    """The tables of a study that was run. docs/library.md describes their columns."""

    study: Study
    layout: Layout
    runs: pd.DataFrame
    """One row per run: state, length, speed, device, versions, folder."""
    scores: pd.DataFrame
    """One row per run, snapshot and metric, and per metric of real images; ``selection`` "best": re-sampled."""
    summary: pd.DataFrame
    """One row per dataset, metric, label and setting: mean, SD, interval over the seeds at the end of training."""
    comparisons: pd.DataFrame
    """The best method against every other, differences paired by seed."""
    cost: pd.DataFrame
    """Seconds and steps by stage and label."""
    classes: pd.DataFrame
    """One row per score and class, for the metrics that have a score for each class; else without rows."""
    claims: pd.DataFrame | None
    """The verdicts; None for a study without a ledger."""

    def logs(self, **where: object) -> pd.DataFrame:
        """Training logs, one row per generator update of each run, with the run's dataset, label, setting and seed.

        where: keeps runs only whose columns have these values, such as ``label="SNGAN", seed=0``; a study of many long
        trainings has large logs. Columns that only some methods log are NaN for the others.
        """
        frames = []
        for run in self.runs.to_dict("records"):
            if all(run[column] == value for column, value in where.items()):
                log = read_log(self.layout.run(f"{run['dataset']}/{run['label']}/{run['setting']}/seed{run['seed']}"))
                keys = ("dataset", "label", "setting", "seed")
                frames.append(pd.DataFrame({key: run[key] for key in keys}, index=log.index).join(log))
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def snapshots(self, dataset: str, label: str, setting: str, seed: int) -> dict[int, Path]:
        """Steps (generator updates) -> file of the snapshot, of one run."""
        paths = self.layout.run(f"{dataset}/{label}/{setting}/seed{seed}")
        if not paths.status.exists():
            raise ConfigError(f"{paths.status}: no such run; `runs` lists those of the study")
        status = read_record(Status, paths.status, "delete it and run the workflow again")
        return {item["steps"]: paths.snapshot(item["steps"]) for item in status["snapshots"]}


def read_results(study: Study | str, results_dir: Path | str | None = None) -> StudyResults:
    """The results of a study: a name in config/studies, the path of a study file, or a Study.

    results_dir: default: that of config/config.yaml, else ``results``. Raises ConfigError that names the missing
    file if the study has not been run to its tables (``snakemake --cores all tables``).
    """
    machine = load_machine({} if results_dir is None else {"results_dir": str(results_dir)})
    found = load_study(study) if isinstance(study, str) else study
    layout = Layout.of(machine, found)
    tables = {name: read_table(path, "aggregate") for name, path in aggregate_files(layout).items()}
    files = table_files(layout)
    tables |= {name: read_table(files[name], "make_tables") for name in ("summary", "comparisons")}
    claims = claim_files(found, layout)
    verdicts = read_table(claims["claims"], "make_claims") if claims and claims["claims"].exists() else None
    return StudyResults(found, layout, claims=verdicts, **tables)
