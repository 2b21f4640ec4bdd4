"""The models of published numbers: single values, values by metric, curves and readings of losses."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from sngan_repro.config.specs import Label
from sngan_repro.core.schema import ConfigError, Model
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
