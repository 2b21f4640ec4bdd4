"""The files that the analysis writes for a study, known before any job has run. The Snakefile imports this module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeVar

from sngan_repro.analysis.published import compared_metrics, shared_methods
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.data.sources import source_info
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.study.analyses import CurveSpec
from sngan_repro.study.curves import series_of
from sngan_repro.study.layout import Layout
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study

FigureKind = Literal[
    "scores", "training", "training_best", "losses", "samples", "progress", "progress_all", "interpolation",
    "look_alikes", "spectral", "spectra", "d_outputs", "critic_loss", "against", "times", "variety", "divergence",
    "cost", "ranks", "published_scores", "published_curves", "figure1",
]  # fmt: skip

PRINTED_TABLES = ("best", "settings", "all_scores", "seeds", "cost")
"""Tables of every study that are written as Markdown and LaTeX."""
PUBLISHED_TABLE = "published"
"""Written too if the study names published values."""

MIN_RANKED = 3
"""Rankings of fewer methods are not compared."""

ROWS_OF_SAMPLES = 6
"""Settings of one figure of samples over the training."""

T = TypeVar("T")


@dataclass(frozen=True)
class FigurePlan:
    """The content of one figure. Large studies are divided into parts that fit a page and a legend."""

    kind: FigureKind
    dataset: str
    methods: tuple[str, ...]
    settings: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    topic: str = ""
    part: int = 1
    parts: int = 1

    @property
    def name(self) -> str:
        """The file's stem, unique within a study."""
        words = [self.kind, self.dataset, self.topic.replace("@", "-")]
        if self.parts > 1:
            words.append(f"part{self.part}")
        return "_".join(word for word in words if word)

    def file(self, layout: Layout, suffix: str) -> Path:
        """The figure's file: ``suffix`` is ``svg`` or ``png``."""
        return layout.figures / f"{self.name}.{suffix}"


def chunks(items: Sequence[T], size: int) -> list[tuple[T, ...]]:
    """Consecutive parts of at most ``size`` items, of lengths as equal as possible."""
    if not items:
        return []
    num_parts = -(-len(items) // size)
    bounds = [round(len(items) * part / num_parts) for part in range(num_parts + 1)]
    return [tuple(items[a:b]) for a, b in pairwise(bounds)]


def figure_plans(study: Study) -> list[FigurePlan]:
    """Every figure of a study, in the order of the report."""
    headline = study.headline_metrics
    others = [name for name in study.metric_names if name not in headline]
    plans: list[FigurePlan] = []
    for dataset in study.datasets:

        def add(
            kind: FigureKind,
            *,
            methods: int = 30,
            settings: int = 24,
            metrics: Sequence[Sequence[str]] = ((),),
            topic: str = "",
            dataset: str = dataset,
            labels: Sequence[str] = study.labels,
        ) -> None:
            """Plan a figure, divided so that each part has at most so many methods and settings."""
            parts = [
                (some, names, shown)
                for shown in metrics
                for some in chunks(labels, methods)
                for names in chunks(list(study.settings), settings)
            ]
            plans.extend(
                FigurePlan(kind, dataset, some, names, tuple(shown), topic, part, len(parts))
                for part, (some, names, shown) in enumerate(parts, 1)
            )

        methods_per_panel = max(1, 36 // len(study.settings))
        add("scores", topic="headline", methods=methods_per_panel, metrics=chunks(headline, 4))
        for name in headline:
            add("training", topic=name, methods=8, settings=9, metrics=[[name]])
        if len(study.trained_labels) >= MIN_RANKED and _several_snapshots(study, dataset):
            for shown in chunks(headline, 2):
                add("ranks", topic=shown[0] if len(headline) > 2 else "", methods=1000, settings=1000, metrics=[shown])
        add("samples", methods=11)
        add("progress", methods=6, labels=[label for label in study.labels if not study.final_snapshot_only(label)])
        if study.all_samples:
            for label in study.labels:
                if not study.final_snapshot_only(label):
                    # A method with a setting of its own has one figure, whatever settings the study has.
                    rows = 1000 if study.settings_of(label) == [OWN_SETTING] else ROWS_OF_SAMPLES
                    add("progress_all", settings=rows, labels=[label], topic=label)
        if study.gallery and study.trained_labels:
            add("interpolation", methods=5, labels=study.trained_labels)
            add("look_alikes", methods=4, labels=study.trained_labels)
        if others:
            add("scores", topic="others", methods=methods_per_panel, metrics=chunks(others, 4))
            add("training_best", topic="others", methods=8, metrics=chunks(others, 6))
        for protocol in study.scores:
            names = metric_names(protocol)
            if protocol.is_clean and "precision" in names and "recall" in names:
                pair = [names["precision"], names["recall"]]
                add("variety", topic=names["precision"], methods=8, metrics=[pair])
        add("losses", methods=6, settings=4, labels=study.trained_labels)  # programs have no log
        add("spectral", methods=6, labels=study.trained_labels)
        add("spectra", methods=8, labels=study.trained_labels)
        add("d_outputs", methods=6, labels=study.trained_labels)
        if study.training.critic_loss_images is not None:
            add("critic_loss", methods=9, labels=study.trained_labels)
        for number, curve in enumerate(study.curves, 1):
            if series_of(study, curve, dataset):
                topic = f"{number}_{curve.key.replace('.', '_')}"
                add("against", methods=1000, settings=1000, metrics=chunks(curve.metrics or headline, 6), topic=topic)
        add("divergence", settings=12)
        add("cost")
        if study.published:
            plans.extend(_published_plans(study, study.published, dataset))
    if study.benchmark:
        plans.append(FigurePlan("times", "", (), ()))
    return plans


def curve_of(study: Study, plan: FigurePlan) -> CurveSpec:
    """The entry of the study's ``curves`` that a figure of the kind ``against`` shows."""
    return study.curves[int(plan.topic.split("_")[0]) - 1]


def _published_plans(study: Study, reference: Reference, dataset: str) -> list[FigurePlan]:
    """The figures that compare the study with a publication, for the scores that both have."""
    methods, compared = shared_methods(study, reference), compared_metrics(study, reference)
    plans: list[FigurePlan] = []
    barred = tuple(name for kind, name in compared.items() if reference.bars(kind))
    if barred:
        parts = [
            (m, s) for m in chunks(methods, max(1, 24 // len(study.settings))) for s in chunks(list(study.settings), 12)
        ]
        plans += [
            FigurePlan("published_scores", dataset, labels, settings, barred, "", part, len(parts))
            for part, (labels, settings) in enumerate(parts, 1)
        ]
    setting = reference.curve_setting
    curved = tuple(name for kind, name in compared.items() if reference.curves(kind))
    if curved and setting in study.settings:
        parts = [(labels, (setting,)) for labels in chunks(methods, 8)]
        plans += [
            FigurePlan("published_curves", dataset, labels, (setting,), curved, "", part, len(parts))
            for part, (labels, _) in enumerate(parts, 1)
        ]
    losses = reference.loss_readings
    if losses and losses.method in methods:
        at = setting if setting in study.settings else next(iter(study.settings))
        plans.append(FigurePlan("figure1", dataset, (losses.method,), (at,)))
    return plans


def _several_snapshots(study: Study, dataset: str) -> bool:
    """True if runs have at least two snapshots, or if the number of images is not known yet."""
    if study.snapshots.count is not None:
        return study.snapshots.count > 1
    images = source_info(study.datasets[dataset]).num_train
    if images is None:
        return True
    steps_per_epoch = images / study.training.batch_size
    return len(study.snapshots.at(study.budget.total_steps(steps_per_epoch), steps_per_epoch)) > 1


def figure_files(study: Study, layout: Layout) -> list[Path]:
    """Every SVG and PNG that ``make_figures`` writes for the study."""
    return [plan.file(layout, suffix) for plan in figure_plans(study) for suffix in ("svg", "png")]


def aggregate_files(layout: Layout) -> dict[str, Path]:
    """The files of ``aggregate``: the tidy data of the study."""
    return {name: layout.tables / f"{name}.csv" for name in ("scores", "classes", "runs", "cost")}


def class_metrics(study: Study) -> list[str]:
    """The full names of the metrics that have a score for each class."""
    return [
        name
        for protocol in study.scores
        for metric, name in metric_names(protocol).items()
        if SCORES.get(metric).has_classes
    ]


def printed_names(study: Study | None) -> tuple[str, ...]:
    """The tables of a study that are written as Markdown and LaTeX; without a study, those that every study has."""
    faults = ("artefacts",) if study and study.fault_pairs else ()
    published = (PUBLISHED_TABLE,) if study and study.published else ()
    classes = ("classes",) if study and class_metrics(study) else ()
    overall = ("overall",) if study and len(study.seeds) > 1 and len(study.labels) > 1 else ()
    analyses = [name for name, key in (("times", "benchmark"), ("gallery", "gallery")) if study and getattr(study, key)]
    return (*PRINTED_TABLES, *overall, *classes, *faults, *published, *analyses)


def table_files(layout: Layout, study: Study | None = None) -> dict[str, Path]:
    """The files of ``make_tables``: ``summary``, ``comparisons``, and ``<table>_md``, ``<table>_tex``.

    Without a study, those that every study has.
    """
    names = printed_names(study)
    printed = {f"{name}_{suffix}": layout.tables / f"{name}.{suffix}" for name in names for suffix in ("md", "tex")}
    data = {name: layout.tables / f"{name}.csv" for name in ("summary", "comparisons")}
    return {**data, **printed}


def claim_files(study: Study, layout: Layout) -> dict[str, Path]:
    """The files of ``make_claims``; none for a study without a ledger."""
    if study.claims is None:
        return {}
    names = {"claims": "claims.csv", "claims_components": "claims_components.csv"}
    names |= {f"claims_{suffix}": f"claims.{suffix}" for suffix in ("md", "tex")}
    return {key: layout.tables / name for key, name in names.items()}
