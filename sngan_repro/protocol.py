"""Scoring protocols: how a score is measured, and hence what it is called. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from sngan_repro.config import Model
from sngan_repro.names import NameIn

if TYPE_CHECKING:
    from sngan_repro.evaluate.scores import Score

METRICS = ("is", "fid", "kid", "precision", "recall")
"""What a protocol measures unless it says otherwise."""

EvaluatorName = Annotated[str, NameIn("sngan_repro.evaluate.evaluators:EVALUATORS")]
ScoreName = Annotated[str, NameIn("sngan_repro.evaluate.scores:SCORES")]


class ProtocolSpec(Model):
    """A scoring protocol: one pass over the samples that gives several metrics.

    Two numbers may be compared only when their protocols are equal; the protocol is part of a metric's name. The keys
    ``fault_*`` repeat faults of published evaluations, to measure what each does to a score.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("fault_distinct", "fault_contrast_stretch", "fault_detour")

    evaluator: EvaluatorName = Field(description="the network whose features are compared")
    metrics: tuple[ScoreName, ...] = Field(METRICS, min_length=1, description="what is measured")
    num_fake: int = Field(ge=10, description="generated images")
    reference: Literal["train", "test"] = Field("train", description="real images to compare with")
    num_real: int | None = Field(None, ge=10, description="so many of them; default: all")
    is_splits: int = Field(10, ge=1, description="parts over which the Inception Score is averaged")
    kid_subset_size: int = Field(1000, ge=2, description="images in each subset of KID")
    kid_subsets: int = Field(100, ge=1, description="subsets over which KID is averaged")
    batch_norm: Literal["running", "batch"] = Field("running", description="G's batch statistics while sampling")
    seed: int = Field(0, ge=0, description="seed of the latents and of the subsets")
    fault_distinct: int | None = Field(
        None, ge=2, description="fault: only so many distinct images, repeated until they are `num_fake`"
    )
    fault_contrast_stretch: bool = Field(
        False, description="fault: each image stretched to its own 0-255 range before it is rounded to 8 bits"
    )
    fault_detour: int | None = Field(
        None, ge=8, le=1024, description="fault: images resized to so many pixels and back before they are scored"
    )

    @field_validator("metrics")
    @classmethod
    def _distinct(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(metrics)) != len(metrics):
            raise ValueError("a metric is listed twice")
        return metrics

    @model_validator(mode="after")
    def _evaluator_suits(self) -> ProtocolSpec:
        from sngan_repro.evaluate.evaluators import EVALUATORS

        meaningless = [metric for metric in self.metrics if _score(metric).needs_classes]
        if meaningless and not EVALUATORS.get(self.evaluator).has_classes:
            raise ValueError(
                f"the evaluator '{self.evaluator}' has no classes, without which {' and '.join(meaningless)} mean "
                "nothing; list the other scores in `metrics`"
            )
        return self

    @model_validator(mode="after")
    def _sizes_fit(self) -> ProtocolSpec:
        for metric in self.metrics:
            if reason := _score(metric).infeasible(self, self.num_fake, self.num_real or self.num_fake):
                raise ValueError(reason)
        if self.fault_distinct and (self.num_fake % self.fault_distinct or self.fault_distinct == self.num_fake):
            raise ValueError(
                f"`num_fake` ({self.num_fake}) must be a multiple of `fault_distinct` ({self.fault_distinct}), "
                "twice it or more"
            )
        return self

    @model_serializer(mode="wrap")
    def _unset_faults_left_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A protocol without faults is written as if there were none, so what was scored under it stays valid."""
        return {key: value for key, value in handler(self).items() if value or key not in self.FAULTS}

    @property
    def is_clean(self) -> bool:
        """Whether nothing is measured with a fault."""
        return not self.faults

    @property
    def faults(self) -> dict[str, Any]:
        """The faults that it scores with: key -> value."""
        return {key: getattr(self, key) for key in self.FAULTS if getattr(self, key)}

    @property
    def without_faults(self) -> ProtocolSpec:
        """The same protocol, clean."""
        unset = {fault: type(self).model_fields[fault].default for fault in self.FAULTS}
        return self.model_copy(update=unset)

    @property
    def images_key(self) -> tuple[int, str, bool]:
        """(seed, batch-norm mode, contrast stretch): protocols alike in these share their generated images."""
        return self.seed, self.batch_norm, self.fault_contrast_stretch

    @property
    def num_distinct(self) -> int:
        """How many images are generated."""
        return self.fault_distinct or self.num_fake

    @property
    def changes_pixels(self) -> bool:
        """Whether images are changed before they are scored, so that features of unchanged ones do not serve."""
        return self.fault_contrast_stretch or self.fault_detour is not None

    def metric_name(self, metric: str) -> str:
        """For example ``fid6k_train@inception``, ``is6k@inception``, ``kid5k_test10k@classifier``.

        What is unusual is part of the name: ``is600s1`` has 1 split, ``_bnbatch`` samples with batch statistics;
        ``_50x120`` are 50 distinct images, 120 times each, ``_stretched`` and ``_via28`` the other faults.
        """
        name = f"{metric}{_thousands(self.num_fake)}"
        score = _score(metric)
        if not score.of_samples_alone:
            name += f"_{self.reference}" + (_thousands(self.num_real) if self.num_real else "")
        name += score.name_part(self)
        if self.batch_norm == "batch":
            name += "_bnbatch"
        if self.seed:
            name += f"_seed{self.seed}"
        if self.fault_distinct:
            name += f"_{self.fault_distinct}x{self.num_fake // self.fault_distinct}"
        if self.fault_contrast_stretch:
            name += "_stretched"
        if self.fault_detour:
            name += f"_via{self.fault_detour}"
        return f"{name}@{self.evaluator}"

    @property
    def metric_names(self) -> dict[str, str]:
        """metric -> full name, for every metric of the protocol."""
        return {metric: self.metric_name(metric) for metric in self.metrics}


def _score(metric: str) -> type[Score]:
    from sngan_repro.evaluate.scores import SCORES

    return SCORES.get(metric)


def _thousands(number: int) -> str:
    return f"{number // 1000}k" if number >= 1000 and number % 1000 == 0 else str(number)
