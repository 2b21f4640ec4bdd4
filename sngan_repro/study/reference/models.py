"""The models of a file of published values."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.specs import Label
from sngan_repro.core.schema import ConfigError, Model, require_known
from sngan_repro.evaluation.scores import SCORES

REAL = "Real data"
"""The row of a published table that scores real images."""


def _known_score(name: str) -> str:
    try:
        SCORES.get(name)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return name


Kind = Annotated[str, AfterValidator(_known_score)]
"""The name of a published score, without its protocol."""
How = Literal["printed", "digitised", "by eye"]
ValuesT = TypeVar("ValuesT")


class Published(Model):
    """One published number.

    ``error`` is the error of reading it from a figure, in its unit; 0 for a printed number. ``spread`` is the published
    standard deviation, if there is one; the file says over what.
    """

    value: float
    error: float
    where: str
    how: How
    spread: float | None = None


class Source(Model):
    """The place of numbers in the publication, and how they were read."""

    where: str = Field(description="Table 1, Figure 2, ...")
    how: How
    errors: dict[Kind, float] = Field({}, description="error of a reading, in the metric's unit; printed: none")

    def published(self, kind: Kind, value: float, error: float | None = None) -> Published:
        """One of the numbers. error: of this reading; default: that of all readings of this score."""
        error = self.errors.get(kind, 0.0) if error is None else error
        return Published(value=value, error=error, where=self.where, how=self.how)


class Values(Source, Generic[ValuesT]):
    """Numbers by metric."""

    values: dict[Kind, ValuesT]
    spreads: dict[Kind, dict[str, float]] = Field({}, description="published standard deviations: metric -> method")

    @model_validator(mode="after")
    def _read_with_an_error(self) -> Self:
        if self.how != "printed" and (missing := sorted(set(self.values) - set(self.errors))):
            raise ValueError(f"`errors` has no error of reading {', '.join(missing)}; only printed values have none")
        for kind, spreads in self.spreads.items():
            if unknown := sorted(set(spreads) - set(self.values.get(kind, {}))):  # type: ignore[arg-type]
                raise ValueError(f"spreads: {kind}: {', '.join(unknown)}: no such value")
        return self


class LessCertain(Model):
    """Points of curves with a larger error of reading: metric -> method -> epochs, and the error."""

    errors: dict[Kind, float]
    epochs: dict[Kind, dict[str, tuple[int, ...]]]


class CurveValues(Values[dict[str, tuple[float, ...]]]):
    """Scores over the training: metric -> method -> one value per entry of ``epochs``."""

    setting: Label
    setting_from: str = Field("", description="how the setting is known where it is not stated")
    epochs: tuple[int, ...]
    less_certain: LessCertain | None = None

    @model_validator(mode="after")
    def _complete(self) -> CurveValues:
        for kind, curves in self.values.items():
            for method, values in curves.items():
                if len(values) != len(self.epochs):
                    raise ValueError(f"values: {kind}: {method}: {len(values)} values for {len(self.epochs)} epochs")
        for kind, points in (self.less_certain.epochs if self.less_certain else {}).items():
            for method, epochs in points.items():
                if method not in self.values.get(kind, {}) or not set(epochs) <= set(self.epochs):
                    raise ValueError(f"less_certain: epochs: {kind}: {method}: no such points among the values")
        return self

    def error(self, kind: Kind, method: str, epoch: int) -> float:
        """The error of reading one point."""
        less = self.less_certain
        if less and epoch in less.epochs.get(kind, {}).get(method, ()):
            return less.errors[kind]
        return self.errors.get(kind, 0.0)


class LossReading(Model):
    """A value or a range of a loss that a figure shows around some update."""

    network: Literal["D", "G"]
    updates: int
    low: float
    high: float
    what: str


class LossReadings(Source):
    """The readings of one published figure of losses."""

    method: str
    updates: int = Field(description="length of the published x axis, in updates")
    readings: tuple[LossReading, ...]


class Aspect(Model):
    """One part of a protocol: as stated in the text, and as in the code if that is known and differs."""

    stated: str
    coded: str = ""
    value: int | float | str | None = Field(None, description="the stated value, where it can be compared with a study")

    @property
    def text(self) -> str:
        """The statement, with the code in parentheses if it differs."""
        if not self.coded:
            return self.stated
        return f"{self.stated} (code: {self.coded})"


ASPECTS = (
    *("data", "features", "num_fake", "splits", "reference_images", "real_row", "image_size", "resizing"),
    *("selection", "epochs", "networks", "latents", "n_dis", "seeds"),
)
"""The parts of a protocol that can be described, in the order in which differences are listed."""


class Inconsistency(Model):
    """A difference between a publication and its code."""

    id: str
    topic: str
    stated: str
    coded: str


class OtherValue(Model):
    """A number that differs between two parts of the publication."""

    what: str
    value: float
    instead_of: float


class Repository(Model):
    """The published code, at one commit."""

    address: str
    commit: str


class Reference(Model):
    """A publication's scores of methods under settings, with their protocol."""

    derived = frozenset({"name"})

    name: str = Field(description="the stem of the file; never a key in it")
    label: str = Field(description="how tables and figures call it")
    title: str
    authors: tuple[str, ...]
    year: int
    citation: str = Field(description="key in report/references.bib")
    repository: Repository | None = None
    protocol: dict[str, Aspect]
    setting_values: dict[Label, OptimizerSpec]
    best_values: Values[dict[str, float]]
    best_settings: dict[Kind, dict[str, Label]] = {}
    bar_values: Values[dict[Label, dict[str, float]]] | None = None
    curve_values: CurveValues | None = None
    loss_readings: LossReadings | None = None
    other_values: tuple[OtherValue, ...] = ()
    inconsistencies: tuple[Inconsistency, ...] = ()

    @model_validator(mode="after")
    def _names_consistent(self) -> Reference:
        try:
            for aspect in self.protocol:
                require_known("part of a protocol", aspect, list(ASPECTS))
            bars = self.bar_values.values if self.bar_values else {}
            curves = self.curve_values
            named = [label for by_setting in bars.values() for label in by_setting]
            named += [label for by_method in self.best_settings.values() for label in by_method.values()]
            for label in [*named, *([curves.setting] if curves else [])]:
                require_known("setting", label, list(self.setting_values))
            methods = [method for by_setting in bars.values() for row in by_setting.values() for method in row]
            methods += [method for by_method in (curves.values if curves else {}).values() for method in by_method]
            methods += [method for by_method in self.best_settings.values() for method in by_method]
            for method in methods:
                require_known("method", method, self.methods)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def methods(self) -> list[str]:
        """The published methods, in the order of the table."""
        return list(dict.fromkeys(m for row in self.best_values.values.values() for m in row if m != REAL))

    @property
    def settings(self) -> list[str]:
        """The published settings."""
        return list(self.setting_values)

    @property
    def curve_setting(self) -> str | None:
        """The setting of the curves over the training; None without curves."""
        return self.curve_values.setting if self.curve_values else None

    def best(self, metric: str) -> dict[str, Published]:
        """Method (and "Real data") -> its best score over the settings; empty for a metric that was not published."""
        source = self.best_values
        spreads = source.spreads.get(metric, {})
        return {
            method: source.published(metric, value).model_copy(update={"spread": spreads.get(method)})
            for method, value in source.values.get(metric, {}).items()
        }

    def bars(self, metric: str) -> dict[tuple[str, str], Published]:
        """(method, setting) -> score; empty if no bars of this metric were published."""
        source = self.bar_values
        if source is None:
            return {}
        by_setting = source.values.get(metric, {})
        return {(m, s): source.published(metric, value) for s, row in by_setting.items() for m, value in row.items()}

    def curves(self, metric: str) -> dict[str, dict[int, Published]]:
        """Method -> epoch -> score, under ``curve_setting``; empty if no curves of this metric were published."""
        source = self.curve_values
        if source is None:
            return {}
        return {
            method: {
                epoch: source.published(metric, value, source.error(metric, method, epoch))
                for epoch, value in zip(source.epochs, values, strict=True)
            }
            for method, values in source.values.get(metric, {}).items()
        }
