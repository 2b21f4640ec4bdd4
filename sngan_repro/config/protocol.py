"""Scoring protocols: how a score is measured. Its full name follows from the protocol. No torch here."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from sngan_repro.core.schema import Model

METRICS = ("is", "fid", "kid", "precision", "recall")
"""The metrics of a protocol by default."""
MAX_IMAGES = 10_000_000
"""Images of a protocol, at most."""
RESAMPLE_SEED = 1_000_000
"""Added to the protocol's seed for the latents of the fresh sample of the best snapshot, and for nothing else."""
MAX_SEED = 2**32 - 1 - 10 * RESAMPLE_SEED
"""The largest seed of a protocol: numbers such as RESAMPLE_SEED are added to it."""


class ProtocolSpec(Model):
    """A scoring protocol: one pass over the samples that gives several metrics.

    Two numbers may be compared only when their protocols are equal; the protocol is part of a metric's name. The keys
    ``fault_*`` repeat faults of published evaluations, to measure their effect on a score.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("fault_distinct", "fault_contrast_stretch", "fault_detour")
    added = frozenset(FAULTS)

    evaluator: str = Field(description="the network whose features are compared")
    metrics: tuple[str, ...] = Field(METRICS, min_length=1, description="what is measured")
    num_fake: int = Field(ge=10, le=MAX_IMAGES, description="number of generated images")
    reference: Literal["train", "test"] = Field("train", description="real images to compare with")
    num_real: int | None = Field(None, ge=10, le=MAX_IMAGES, description="number of real images; default: all")
    is_splits: int = Field(10, ge=1, le=1000, description="parts over which the Inception Score is averaged")
    kid_subset_size: int = Field(1000, ge=2, le=20_000, description="images in each subset of KID")
    kid_subsets: int = Field(100, ge=1, le=10_000, description="subsets over which KID is averaged")
    batch_norm: Literal["running", "batch"] = Field("running", description="G's batch statistics while sampling")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="seed of the latents and of the subsets")
    fault_distinct: int | None = Field(
        None, ge=2, le=MAX_IMAGES, description="fault: only this number of distinct images, repeated up to `num_fake`"
    )
    fault_contrast_stretch: bool = Field(
        False, description="fault: each image stretched to its own 0-255 range before it is rounded to 8 bits"
    )
    fault_detour: int | None = Field(
        None, ge=8, le=1024, description="fault: images resized to this number of pixels and back before scoring"
    )

    @field_validator("metrics")
    @classmethod
    def _distinct(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(metrics)) != len(metrics):
            raise ValueError("a metric is listed twice")
        return metrics

    @model_validator(mode="after")
    def _distinct_divides(self) -> ProtocolSpec:
        if self.fault_distinct and (self.num_fake % self.fault_distinct or self.fault_distinct == self.num_fake):
            raise ValueError(
                f"`num_fake` ({self.num_fake}) must be a multiple of `fault_distinct` ({self.fault_distinct}), "
                "twice it or more"
            )
        return self

    @property
    def is_clean(self) -> bool:
        """True if nothing is measured with a fault."""
        return not self.faults

    @property
    def faults(self) -> dict[str, Any]:
        """The faults that are set: key -> value."""
        return {key: getattr(self, key) for key in self.FAULTS if getattr(self, key)}

    @property
    def without_faults(self) -> ProtocolSpec:
        """A copy without faults."""
        unset = {fault: type(self).model_fields[fault].default for fault in self.FAULTS}
        return self.model_copy(update=unset)

    @property
    def images_key(self) -> tuple[int, str, bool]:
        """(seed, batch-norm mode, contrast stretch): protocols with equal keys share their generated images."""
        return self.seed, self.batch_norm, self.fault_contrast_stretch

    @property
    def num_distinct(self) -> int:
        """The number of images to generate."""
        return self.fault_distinct or self.num_fake

    @property
    def changes_pixels(self) -> bool:
        """True if images are changed before they are scored, so that features of unchanged images cannot be used."""
        return self.fault_contrast_stretch or self.fault_detour is not None
