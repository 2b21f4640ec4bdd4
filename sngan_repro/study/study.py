"""A study: one file, all its runs. No torch here. :mod:`sngan_repro.study.load` reads and checks it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, field_validator

from sngan_repro.config.gallery import GallerySpec
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.specs import (
    OWN_SETTING,
    BudgetSpec,
    DatasetSpec,
    EvaluatorSpec,
    Label,
    NetsSpec,
    OptimizerSpec,
    SnapshotsSpec,
    StudyRun,
    TrainingSpec,
)
from sngan_repro.core.schema import Model, text_digest
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.protocol import metric_name, metric_names
from sngan_repro.methods import find_method
from sngan_repro.methods.program import Program, find_program
from sngan_repro.study.analyses import BenchmarkSpec, CurveSpec
from sngan_repro.study.changes import MAX_STUDY, STUDY_PATTERN, Changed
from sngan_repro.study.entries import MethodEntry, method_parts, options_of, program_parts
from sngan_repro.study.reference import Reference, load_reference


class Study(Model):
    """A study file: datasets, methods, settings, seeds, budget and scores."""

    derived = frozenset({"name", "changed"})
    added = frozenset({"benchmark", "curves", "gallery", "all_samples", "changed"})

    name: str = Field(pattern=STUDY_PATTERN, max_length=MAX_STUDY, description="the stem of the file, and the changes")
    changed: Changed | None = Field(None, description="keys that a command replaced; None: the study is as in its file")
    title: str = Field(min_length=3, max_length=300, description="heading of the report")
    description: str = Field(
        "", max_length=20_000, description="what the study is for; printed in the report (Markdown)"
    )
    datasets: dict[Label, DatasetSpec] = Field(min_length=1, description="name -> source and size")
    methods: tuple[MethodEntry, ...] = Field(min_length=1, description="names, or entries with options")
    settings: dict[Label, OptimizerSpec] = Field(min_length=1, description="name -> Adam, and D's steps per G's step")
    seeds: tuple[Annotated[int, Field(strict=True)], ...] = Field(
        min_length=1, description="one training each; with the same seed every method starts with the same G"
    )
    budget: BudgetSpec = Field(description="how long to train")
    snapshots: SnapshotsSpec = Field(
        SnapshotsSpec.model_validate({"count": 5}), description="when G is saved and scored"
    )
    training: TrainingSpec = Field(TrainingSpec(), description="the loop, for all methods")
    nets: NetsSpec = Field(NetsSpec(), description="the networks that all methods share")
    scores: tuple[ProtocolSpec, ...] = Field(min_length=1, description="protocols: how the samples are scored")
    classifier: EvaluatorSpec = Field(EvaluatorSpec(), description="options of trained evaluators")
    headline: tuple[str, ...] = Field((), description="metric names in the main table; default: first IS and FID")
    benchmark: BenchmarkSpec | None = Field(None, description="measure the time of an update of these methods")
    curves: tuple[CurveSpec, ...] = Field((), description="figures of scores against a number, such as `n_dis`")
    gallery: GallerySpec | None = Field(None, description="look-alikes and interpolations of each final generator")
    all_samples: bool = Field(
        False, description="also show the samples over the training of every method and setting, in an appendix"
    )
    reference: str | None = Field(None, description="published values to compare with: a name, or the path of a file")
    claims: str | None = Field(None, description="ledger of claims to judge: `southampton`, or the path of a YAML file")

    @field_validator("title", "description")
    @classmethod
    def _printable(cls, text: str) -> str:
        odd = sorted({c for c in text if not c.isprintable() and c not in "\n\t"})
        if odd:
            raise ValueError(f"contains characters that cannot be printed: {', '.join(map(ascii, odd[:5]))}")
        return text

    @field_validator("seeds")
    @classmethod
    def _seeds_valid(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("a seed is listed twice")
        if any(not 0 <= seed < 2**32 for seed in seeds):
            raise ValueError("seeds must be between 0 and 2^32 - 1")
        return seeds

    @property
    def changes(self) -> list[str]:
        """The changes of the study file that one command made, ``KEY=VALUE`` each."""
        return self.changed.texts if self.changed else []

    @property
    def labels(self) -> list[str]:
        """The labels of the methods, in the order of the file: the order of tables, colours and figures."""
        return [label for _, label in self.labelled_entries]

    @cached_property
    def labelled_entries(self) -> list[tuple[MethodEntry, str]]:
        """(entry, label) of each method, in the order of the file."""
        return [(entry, entry.label or find_method(entry.name).title) for entry in self.methods]

    @cached_property
    def programs(self) -> dict[str, Program]:
        """Label -> declaration of the methods that are programs of their own."""
        found = {label: find_program(entry.name) for entry, label in self.labelled_entries}
        return {label: program for label, program in found.items() if isinstance(program, Program)}

    @cached_property
    def method_options(self) -> dict[str, Any]:
        """Label -> the complete options of the method, an instance of its ``Options``. Raises ConfigError.

        Options are validated here, before any job starts. A job validates those in its run's specification once more.
        """
        entries = self.labelled_entries
        return {label: options_of(find_method(e.name), e.options, f"methods: {label}") for e, label in entries}

    @property
    def trained_labels(self) -> list[str]:
        """The labels of the methods that are trained here: all but the programs."""
        return [label for label in self.labels if label not in self.programs]

    def final_snapshot_only(self, label: str) -> bool:
        """True if a method has a final snapshot only: a program without snapshots, which makes no updates."""
        return label in self.programs and self.programs[label].snapshots == "final"

    def settings_of(self, label: str, among: Iterable[str] | None = None) -> list[str]:
        """The settings under which a method runs: all, or ``own`` for a program that does not use them.

        among: choose from these settings of the study only.
        """
        if label in self.programs and not self.programs[label].settings:
            return [OWN_SETTING]
        return list(self.settings if among is None else among)

    @cached_property
    def published(self) -> Reference | None:
        """The published values that the study is compared with."""
        return load_reference(self.reference) if self.reference else None

    @property
    def metric_names(self) -> list[str]:
        """Every metric that is scored, under its full name with the protocol."""
        return [name for protocol in self.scores for name in metric_names(protocol).values()]

    @property
    def clean_metric_names(self) -> list[str]:
        """The full names of the metrics that are measured without faults."""
        return [name for protocol in self.scores if protocol.is_clean for name in metric_names(protocol).values()]

    @property
    def fault_pairs(self) -> list[tuple[str, str]]:
        """(name with faults, name without) of every metric that is measured both ways."""
        pairs = [
            (name, metric_name(protocol.without_faults, metric))
            for protocol in self.scores
            if not protocol.is_clean
            for metric, name in metric_names(protocol).items()
        ]
        return [(faulty, clean) for faulty, clean in pairs if clean in self.clean_metric_names]

    @property
    def headline_metrics(self) -> list[str]:
        """The metrics of the main table and figures: those without faults, or all if every metric has a fault."""
        if self.headline:
            return list(self.headline)
        protocols = [protocol for protocol in self.scores if protocol.is_clean] or self.scores
        named = [(metric, name) for protocol in protocols for metric, name in metric_names(protocol).items()]
        firsts = [next((name for metric, name in named if metric == kind), None) for kind in ("is", "fid")]
        return [name for name in firsts if name] or [named[0][1]]

    @property
    def evaluators(self) -> list[str]:
        """The evaluators in use, in the order of the file."""
        return list(dict.fromkeys(protocol.evaluator for protocol in self.scores))

    @cached_property
    def evaluations(self) -> tuple[str, str]:
        """(digest of how the runs are scored, digest of how their galleries are made; empty without ``gallery``)."""
        options = [self.classifier.to_json() for name in self.evaluators if EVALUATORS.get(name).trained]
        scoring = text_digest("\n".join([*(protocol.to_json() for protocol in self.scores), *options[:1]]))
        if self.gallery is None:
            return scoring, ""
        # The first protocol names the evaluator.
        return scoring, text_digest("\n".join([self.gallery.to_json(), self.scores[0].to_json(), *options[:1]]))

    def runs(self) -> list[StudyRun]:
        """One resolved specification per dataset x method x setting x seed, in the order of the file."""
        return list(self._runs)

    @cached_property
    def _runs(self) -> tuple[StudyRun, ...]:
        return tuple(
            StudyRun(
                dataset=dataset,
                label=label,
                setting=setting,
                seed=seed,
                data=self.datasets[dataset],
                snapshots=self.snapshots,
                **{"budget": self.budget, **parts},
            )
            for dataset in self.datasets
            for entry, label in self.labelled_entries
            for setting in self.settings_of(label)
            for parts in [self._parts(entry, label, setting)]  # the same for all seeds
            for seed in self.seeds
        )

    def _parts(self, entry: MethodEntry, label: str, setting: str) -> dict[str, Any]:
        where = f"methods: {label}"
        if label in self.programs:
            program, samples = self.programs[label], max(protocol.num_fake for protocol in self.scores)
            chosen = self.settings.get(setting)
            return program_parts(entry, program, self.method_options[label], chosen, self.training, samples, where)
        options = self.method_options[label]
        return method_parts(entry, options, setting, self.settings[setting], self.nets, self.training, where)

    def trained_runs(self) -> list[StudyRun]:
        """The runs that are trained here: all but those of programs."""
        return [run for run in self._runs if run.label not in self.programs]
