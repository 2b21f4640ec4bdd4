"""The models of a file of published values."""

from __future__ import annotations

from pydantic import Field, model_validator

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.specs import Label
from sngan_repro.core.schema import ConfigError, Model, require_known
from sngan_repro.study.reference.values import REAL, CurveValues, Kind, LossReadings, Published, Values


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
    *("training_images", "selection", "epochs", "networks", "latents", "n_dis", "seeds"),
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
