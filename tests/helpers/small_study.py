"""The smallest study with all kinds of files, made by the functions of the jobs in this process."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures import draw
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.style import house_style
from sngan_repro.analysis.gallery import gallery_images, read_galleries
from sngan_repro.analysis.outputs import figure_plans
from sngan_repro.analysis.summary import read_comparisons, read_results, read_summary
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.analysis.tabular import read_log, read_spectra
from sngan_repro.data.prepare import prepare
from sngan_repro.evaluation.build import build_evaluator
from sngan_repro.evaluation.gallery import make_gallery
from sngan_repro.evaluation.score import score_run
from sngan_repro.evaluation.score_real import score_real
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import make_study
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions
from sngan_repro.workflow.links import link_runs
from sngan_repro.workflow.status import read_study

STUDY: dict[str, Any] = {
    "name": "tiny",
    "title": "A tiny study",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan"],
    "settings": {"A": {"lr": 0.001, "beta2": 0.9}},
    "seeds": [0],
    "budget": {"steps": 4},
    "snapshots": {"count": 2},
    "training": {"batch_size": 16, "log_every": 2},
    "nets": {"width": 4, "z_dim": 8},
    "classifier": {"epochs": 1, "width": 8, "feature_dim": 8},
    "gallery": {"num_fake": 20, "look_alikes": 2, "rows": 1, "columns": 3, "fine_steps": 8},
    "scores": [{"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 50, "is_splits": 1}],
}
TIMES = ("seconds", "per_second", "rss")
"""Parts of the names of columns that differ from run to run."""


class Finished:
    """A study with all its results, and the jobs that made them, in this process."""

    def __init__(self, root: Path) -> None:
        self.figures: FigureData | None = None
        self.study = make_study(STUDY)
        self.layout = Layout("tiny", root / "results", root / "data", *self.study.evaluations)
        self.spec = self.study.runs()[0]
        self.run = self.layout.stored(self.spec)
        self.dataset = self.layout.dataset(self.spec.data)
        self.evaluators = {
            name: self.layout.evaluator(self.spec.data, name, self.study.classifier) for name in self.study.evaluators
        }
        prepare(self.spec.data, self.layout.downloads, self.dataset)
        for name, folder in self.evaluators.items():
            build_evaluator(name, self.dataset, self.study.classifier, folder, None)
        train(self.spec, self.run, self.dataset, torch.device("cpu"), TrainOptions(tensorboard=False))
        link_runs(self.study, self.layout)
        for job in (self.score, self.score_real, self.gallery, self.aggregate, self.tables):
            job()

    def score(self) -> None:
        score_run(self.run, list(self.study.scores), self.dataset, self.evaluators)

    def score_real(self) -> None:
        out = self.layout.real_scores("digits")
        score_real(list(self.study.scores), "digits", "tiny", self.dataset, self.evaluators, out)

    def gallery(self) -> None:
        assert self.study.gallery is not None
        make_gallery(self.run, self.study.gallery, self.study.scores[0], self.dataset, self.evaluators)

    def aggregate(self) -> None:
        aggregate(self.study, self.layout)

    def tables(self) -> None:
        make_tables(self.study, self.layout)

    def draw(self, kind: str) -> None:
        """A figure that reads other files than the tables."""
        self.figures = self.figures or FigureData.read(self.study, self.layout)
        with house_style():
            for plan in figure_plans(self.study):
                if plan.kind == kind:
                    plt.close(draw(self.figures, plan))

    def read_tables(self) -> None:
        read_results(self.layout)
        read_summary(self.layout)
        read_comparisons(self.layout)

    def read_galleries(self) -> None:
        read_galleries(self.study, self.layout)
        gallery_images(self.run)

    def read_logs(self) -> None:
        read_log(self.run)
        read_spectra(self.run)

    def status(self) -> None:
        read_study(self.study, self.layout, self.study.runs(), 0.0)

    def results(self) -> dict[str, Any]:
        """The values of all tables, without times."""
        found = {}
        for path in sorted(self.layout.tables.glob("*.csv")):
            with path.open(newline="") as stream:
                rows = list(csv.DictReader(stream))
            found[path.name] = [{k: v for k, v in row.items() if not any(t in k for t in TIMES)} for row in rows]
        return found
