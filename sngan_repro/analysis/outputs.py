"""Which files the analysis writes for a study, known before anything has run. Light: the Snakefile imports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeVar

from sngan_repro.paths import Layout
from sngan_repro.study import Study

FigureKind = Literal[
    "bars",
    "training",
    "training_best",
    "losses",
    "samples",
    "progress",
    "spectral",
    "variety",
    "divergence",
    "cost",
]

PRINTED_TABLES = ("best", "settings", "all_scores", "cost")
"""Tables of every study that are written as Markdown and LaTeX."""

T = TypeVar("T")


@dataclass(frozen=True)
class FigurePlan:
    """One figure: what it shows. Large studies are cut into parts that fit a page and a legend."""

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
        ) -> None:
            """Plan a figure, cut so that at most so many methods and settings share one."""
            parts = [
                (labels, names, shown)
                for shown in metrics
                for labels in chunks(study.labels, methods)
                for names in chunks(list(study.settings), settings)
            ]
            plans.extend(
                FigurePlan(kind, dataset, labels, names, tuple(shown), topic, part, len(parts))
                for part, (labels, names, shown) in enumerate(parts, 1)
            )

        bars_per_panel = max(1, 36 // len(study.settings))
        add("bars", topic="headline", methods=bars_per_panel, metrics=chunks(headline, 4))
        for name in headline:
            add("training", topic=name, methods=8, settings=9, metrics=[[name]])
        add("samples", methods=11)
        add("progress", methods=6)
        if others:
            add("bars", topic="others", methods=bars_per_panel, metrics=chunks(others, 4))
            add("training_best", topic="others", methods=8, metrics=chunks(others, 6))
        for protocol in study.scores:
            names = protocol.metric_names
            if protocol.is_clean and "precision" in names and "recall" in names:
                pair = [names["precision"], names["recall"]]
                add("variety", topic=names["precision"], methods=8, metrics=[pair])
        add("losses", methods=6, settings=4)
        add("spectral", methods=6)
        add("divergence", settings=12)
        add("cost")
    return plans


def figure_files(study: Study, layout: Layout) -> list[Path]:
    """Every SVG and PNG that ``make_figures`` writes for the study."""
    return [plan.file(layout, suffix) for plan in figure_plans(study) for suffix in ("svg", "png")]


def aggregate_files(layout: Layout) -> dict[str, Path]:
    """What ``aggregate`` writes: the tidy data of the study."""
    return {name: layout.tables / f"{name}.csv" for name in ("scores", "runs", "cost")}


def printed_names(study: Study) -> tuple[str, ...]:
    """The tables of a study that are written as Markdown and LaTeX."""
    return (*PRINTED_TABLES, "artefacts") if study.fault_pairs else PRINTED_TABLES


def table_files(layout: Layout, printed_names: Sequence[str] = PRINTED_TABLES) -> dict[str, Path]:
    """What ``make_tables`` writes: ``summary``, ``comparisons``, and ``<table>_md``, ``<table>_tex``."""
    printed = {
        f"{name}_{suffix}": layout.tables / f"{name}.{suffix}" for name in printed_names for suffix in ("md", "tex")
    }
    data = {name: layout.tables / f"{name}.csv" for name in ("summary", "comparisons")}
    return {**data, **printed}


def claim_files(study: Study, layout: Layout) -> dict[str, Path]:
    """What ``make_claims`` writes; nothing for a study without a ledger."""
    if study.claims is None:
        return {}
    names = {"claims": "claims.csv", "claims_components": "claims_components.csv"}
    names |= {f"claims_{suffix}": f"claims.{suffix}" for suffix in ("md", "tex")}
    return {key: layout.tables / name for key, name in names.items()}
