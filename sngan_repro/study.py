"""A study file: read and checked as a whole. No torch here.

One file is one study; studies are never merged. Every mistake is a :class:`ConfigError` before any job starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from sngan_repro import plugins
from sngan_repro.config import ConfigError, MachineConfig, Model, describe, parse, read_yaml, require_known
from sngan_repro.names import NameIn
from sngan_repro.protocol import ProtocolSpec
from sngan_repro.reference import Reference, load_reference
from sngan_repro.specs import (
    OWN_SETTING,
    BudgetSpec,
    DatasetSpec,
    Label,
    NetsSpec,
    RunSpec,
    SettingSpec,
    SnapshotsSpec,
    TrainingSpec,
)

if TYPE_CHECKING:
    from sngan_repro.programs.declare import Program

STUDIES_DIR = Path("config/studies")


class MethodEntry(Model):
    """One method of a study: ``sngan``, or ``{name: sngan, label: SNGAN-hinge, loss: hinge, ...}``.

    Keys other than these are options of the method (``sngan-repro methods`` lists them).
    """

    name: str = Field(description="a method or program; `sngan-repro methods` lists them")
    label: Label | None = Field(None, description="name in paths, tables and figures; default: the method's title")
    setting: dict[str, Any] = Field({}, description="replaces keys of every setting for this entry, e.g. n_dis: 5")
    nets: dict[str, Any] = Field({}, description="replaces keys of the study's `nets` for this entry")
    options: dict[str, Any] = Field({}, description="the method's own options")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        """What may stand in a file: a name, or a mapping in which the method's options are not nested."""
        schema = handler.resolve_ref_schema(handler(core))
        schema["properties"].pop("options")
        schema["additionalProperties"] = True
        names = NameIn("sngan_repro.methods:METHODS").json_schema()["anyOf"]
        schema["properties"]["name"] |= {"anyOf": names}
        return {"anyOf": [*names, dict(schema)]}

    @model_validator(mode="before")
    @classmethod
    def _flat_options(cls, value: Any) -> Any:
        """Accept a bare name, and collect unreserved keys as options."""
        from sngan_repro.entries import flattened

        return flattened(value)


class EvaluatorSpec(Model):
    """Options of evaluators that the workflow trains on each dataset's train split: ``classifier``."""

    epochs: int = Field(12, ge=1, le=1000, description="passes over the training images")
    width: int = Field(32, ge=4, le=512, description="channels of the first layer")
    feature_dim: int = Field(64, ge=8, le=2048, description="length of the features that FID and KID compare")
    lr: float = Field(2e-3, gt=0, description="learning rate")
    batch_size: int = Field(64, ge=2, description="images in each step")
    seed: int = Field(0, ge=0, description="of the weights and of the order of the images")


class Study(Model):
    """The whole of a study file."""

    derived = frozenset({"name"})

    name: Label = Field(description="the stem of the file; never a key in it")
    title: str = Field(min_length=3, description="heading of the report")
    description: str = Field("", description="what the study is for; printed in the report (Markdown)")
    datasets: dict[Label, DatasetSpec] = Field(min_length=1, description="name -> source and size")
    methods: tuple[MethodEntry, ...] = Field(min_length=1, description="names, or entries with options")
    settings: dict[Label, SettingSpec] = Field(min_length=1, description="name -> Adam, and D's steps per G's step")
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
    reference: str | None = Field(None, description="published values to set beside: a name, or the path of a file")
    claims: str | None = Field(None, description="ledger of claims to judge: `southampton`, or the path of a YAML file")

    @field_validator("seeds")
    @classmethod
    def _seeds_valid(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("a seed is listed twice")
        if any(not 0 <= seed < 2**32 for seed in seeds):
            raise ValueError("seeds must be between 0 and 2^32 - 1")
        return seeds

    @model_validator(mode="after")
    def _names_consistent(self) -> Study:
        from sngan_repro.claims.ledger import load_ledger
        from sngan_repro.data.sources import check_source, source_info
        from sngan_repro.entries import check_labels
        from sngan_repro.feasible import check_protocols

        try:
            for key, dataset in self.datasets.items():
                check_source(key, dataset)
            labels = self.labels
            check_labels(labels)
            for key, dataset in self.datasets.items():
                info = source_info(dataset)
                check_protocols(key, self.scores, info.num_train, info.num_test, labelled=True)
                if any(protocol.fault_detour == dataset.image_size for protocol in self.scores):
                    raise ConfigError(
                        f"scores: `fault_detour` {dataset.image_size} is the `image_size` of dataset '{key}': no detour"
                    )
            if OWN_SETTING in self.settings:
                raise ConfigError(f"settings: '{OWN_SETTING}' stands for programs that have none; rename this setting")
            late = [step for step in self.snapshots.steps or () if step > (self.budget.steps or step)]
            if late:
                raise ConfigError(f"snapshots: steps: {late} lie beyond the budget of {self.budget.steps} updates")
            names = self.metric_names
            for name in names:
                if names.count(name) > 1:
                    raise ConfigError(f"scores: the metric '{name}' is produced twice")
            for name in self.headline:
                require_known("headline metric", name, names)
                if name not in self.clean_metric_names:
                    raise ConfigError(f"headline: '{name}' is measured with faults; name a metric without")
            if self.published and not set(labels) & set(self.published.methods):
                raise ConfigError(
                    f"reference: '{self.reference}' has values of {', '.join(self.published.methods)}, and no method "
                    "of this study has such a label; give one its published name as `label:`, or remove `reference`"
                )
            if self.claims is not None:
                load_ledger(self.claims)
            self.runs()
            trained = [entry for entry, label in self._entries if label not in self.programs]
            for key in set.intersection(*(set(entry.setting) for entry in trained)) if trained else ():
                raise ConfigError(f"settings: `{key}` is replaced by every method; no setting's own value is used")
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def labels(self) -> list[str]:
        """The labels of the methods, in the order of the file: the order of tables, colours and figures."""
        return [label for _, label in self._entries]

    @property
    def _entries(self) -> list[tuple[MethodEntry, str]]:
        from sngan_repro.methods import find_method

        return [(entry, entry.label or find_method(entry.name).title) for entry in self.methods]

    @cached_property
    def programs(self) -> dict[str, Program]:
        """Label -> declaration of the methods that are programs of their own."""
        from sngan_repro.programs.declare import Program, find_program

        found = {label: find_program(entry.name) for entry, label in self._entries}
        return {label: program for label, program in found.items() if isinstance(program, Program)}

    @property
    def trained_labels(self) -> list[str]:
        """The labels of the methods that are trained here: all but the programs."""
        return [label for label in self.labels if label not in self.programs]

    def is_timeless(self, label: str) -> bool:
        """Whether a method has only an end: a program without snapshots, which makes no updates."""
        return label in self.programs and self.programs[label].snapshots == "final"

    def settings_of(self, label: str, among: Iterable[str] | None = None) -> list[str]:
        """The settings under which a method runs: all, or ``own`` for a program that has no use for them.

        among: some of the study's settings, where only these are meant.
        """
        if label in self.programs and not self.programs[label].settings:
            return [OWN_SETTING]
        return list(self.settings if among is None else among)

    @cached_property
    def published(self) -> Reference | None:
        """The published values that the study is set beside."""
        return load_reference(self.reference) if self.reference else None

    @property
    def metric_names(self) -> list[str]:
        """Every metric that is scored, under its full name with the protocol."""
        return [name for protocol in self.scores for name in protocol.metric_names.values()]

    @property
    def clean_metric_names(self) -> list[str]:
        """The metrics that are measured without faults."""
        return [name for protocol in self.scores if protocol.is_clean for name in protocol.metric_names.values()]

    @property
    def fault_pairs(self) -> list[tuple[str, str]]:
        """(name with faults, name without) of every metric that is measured both ways."""
        pairs = [
            (name, protocol.without_faults.metric_name(metric))
            for protocol in self.scores
            if not protocol.is_clean
            for metric, name in protocol.metric_names.items()
        ]
        return [(faulty, clean) for faulty, clean in pairs if clean in self.clean_metric_names]

    @property
    def headline_metrics(self) -> list[str]:
        """The metrics of the main table and figures: without faults, unless there are no such."""
        if self.headline:
            return list(self.headline)
        protocols = [protocol for protocol in self.scores if protocol.is_clean] or self.scores
        named = [(metric, name) for protocol in protocols for metric, name in protocol.metric_names.items()]
        firsts = [next((name for metric, name in named if metric == kind), None) for kind in ("is", "fid")]
        return [name for name in firsts if name] or [named[0][1]]

    @property
    def evaluators(self) -> list[str]:
        """The evaluators in use, in the order of the file."""
        return list(dict.fromkeys(protocol.evaluator for protocol in self.scores))

    def runs(self) -> list[RunSpec]:
        """One resolved specification per dataset x method x setting x seed, in the order of the file."""
        return list(self._runs)

    @cached_property
    def _runs(self) -> tuple[RunSpec, ...]:
        from sngan_repro.expansion import expand

        return expand(self)

    def trained_runs(self) -> list[RunSpec]:
        """The runs that are trained here: all but those of programs."""
        return [run for run in self._runs if run.label not in self.programs]


def study_schema() -> dict[str, Any]:
    """The JSON Schema of study files, for editors. A study's name is not in its file."""
    schema = Study.model_json_schema()
    del schema["properties"]["name"]
    schema["required"].remove("name")
    return schema


def study_path(name: str) -> Path:
    """The file of a study given by name (in ``config/studies``) or by path."""
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    return STUDIES_DIR / f"{name}.yaml"


def load_study(name: str) -> Study:
    """Read and check a study given by name or path. The file's stem is the study's name.

    Raises :class:`ConfigError` with every problem found, one line each.
    """
    path = study_path(name)
    if not path.exists() and path.parent == STUDIES_DIR:
        if not STUDIES_DIR.is_dir():
            raise ConfigError(
                f"study '{name}': there is no folder {STUDIES_DIR} here; run this in the repository's folder, "
                "or give the path of a study file"
            )
        known = sorted(file.stem for file in STUDIES_DIR.glob("*.yaml"))
        require_known("study", name, known)
    values = read_yaml(path)
    if "name" in values:
        raise ConfigError(f"{path}: name: a study is named after its file; remove this key")
    plugins.load_chosen()  # here, so that what is wrong with them is not said to be wrong with the study
    try:
        return Study.model_validate({**values, "name": path.stem})
    except ValidationError as error:
        raise ConfigError(describe(error, Study, str(path))) from None


def load_machine(overrides: dict[str, Any] | None = None, path: Path = Path("config/config.yaml")) -> MachineConfig:
    """``config/config.yaml`` with overrides (for example from ``--config``); a missing file means defaults.

    The plugins it names are known to every registry of this process from then on. In a job they are the workflow's.
    """
    values = read_yaml(path) if path.exists() else {}
    if (handed_on := plugins.from_environment()) is not None:
        values = {**values, "plugins": handed_on}
    machine = parse(MachineConfig, {**values, **(overrides or {})}, f"{path} or --config" if overrides else str(path))
    if machine.inception_weights and not Path(machine.inception_weights).is_file():
        raise ConfigError(f"{path}: inception_weights: {machine.inception_weights}: no such file")
    plugins.choose(machine.plugins)
    return machine
