"""The data that the figures are drawn from: the tables, the logs and the sample arrays of a study."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from sngan_repro.analysis.figures.style import MethodStyle, method_styles
from sngan_repro.analysis.load import read_dataset
from sngan_repro.analysis.naming import primary_metric
from sngan_repro.analysis.summary import Results, read_results, shown_setting, summarise_study
from sngan_repro.analysis.tabular import Row, read_array, read_log
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.verified import has_sha256
from sngan_repro.study.benchmark import benchmark_entries
from sngan_repro.study.layout import Layout
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study


@dataclass
class FigureData:
    """Everything drawn; logs are read once."""

    study: Study
    layout: Layout
    results: Results
    summary: pd.DataFrame
    _logs: dict[str, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def read(cls, study: Study, layout: Layout) -> FigureData:
        results = read_results(layout)
        return cls(study, layout, results, summarise_study(study, results))

    @cached_property
    def styles(self) -> dict[str, MethodStyle]:
        """label -> style; methods that are only in the publication or in the benchmark are last."""
        published = self.study.published.methods if self.study.published else []
        timed = [label for _, label in benchmark_entries(self.study)]
        return method_styles(list(dict.fromkeys([*self.study.labels, *published, *timed])))

    @property
    def reference(self) -> Reference:
        """The published values. The study must name some."""
        assert self.study.published is not None
        return self.study.published

    def runs(self, dataset: str, label: str, setting: str) -> pd.DataFrame:
        """Rows of runs.csv of one cell, in the order of the seeds."""
        runs = self.results.runs
        return runs[(runs["dataset"] == dataset) & (runs["label"] == label) & (runs["setting"] == setting)]

    def paths(self, run: Row) -> RunPaths:
        """The files of a row of runs.csv."""
        return self.layout.linked(run["folder"])

    def log(self, run: Row) -> pd.DataFrame:
        """The training log of a row of runs.csv."""
        folder = run["folder"]
        if folder not in self._logs:
            self._logs[folder] = read_log(self.paths(run))
        return self._logs[folder]

    def scores(self, dataset: str, metric: str, label: str, setting: str) -> pd.DataFrame:
        """Score rows of one cell, all seeds and snapshots, without missing values."""
        scores = self.results.scores
        return scores[
            (scores["dataset"] == dataset)
            & (scores["metric"] == metric)
            & (scores["label"] == label)
            & (scores["setting"] == setting)
            & scores["value"].notna()
        ]

    def cell(self, dataset: str, metric: str, label: str, setting: str) -> Row:
        """The row of summary.csv of one cell."""
        rows = self.summary
        return rows[
            (rows["dataset"] == dataset)
            & (rows["metric"] == metric)
            & (rows["label"] == label)
            & (rows["setting"] == setting)
        ].iloc[0]

    def setting(self, dataset: str, label: str, metric: str | None = None) -> str:
        """The setting at which to show a method: its best by ``metric`` (default: the study's primary one)."""
        return shown_setting(self.study, self.summary, dataset, label, metric or primary_metric(self.study))

    def shown_run(self, dataset: str, label: str) -> Row:
        """The run that represents a method: the first seed that finished at the shown setting, else the first seed."""
        return self.first_run(dataset, label, self.setting(dataset, label))

    def first_run(self, dataset: str, label: str, setting: str) -> Row:
        """The first seed of a cell that finished, else the first seed."""
        runs = self.runs(dataset, label, setting)
        finished = runs[runs["state"] == "ok"]
        return (finished if len(finished) else runs).iloc[0]

    def real_images(self, dataset: str, count: int) -> np.ndarray:
        """Training images drawn by a fixed seed, uint8, (count, H, W, C): the first ones may all be of one class."""
        spec = self.study.datasets[dataset]
        found, path = read_dataset(self.layout, spec), self.layout.dataset(spec) / "images.npy"
        images = read_array(path, 4, mmap=True)
        if not has_sha256(path, found.sha256):
            raise ConfigError(
                f"{path}: its checksum is not the one in dataset.json; delete {path.parent} and run again"
            )
        chosen = np.random.default_rng(0).permutation(found.num_train)[:count]
        return np.asarray(images[chosen])
