"""Keys of a study file for analyses beside the scores: the time of an update, and scores against a number."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from sngan_repro.config.specs import Label
from sngan_repro.core.schema import Model
from sngan_repro.study.entries import MethodEntry


class BenchmarkSpec(Model):
    """The time of 100 generator updates, measured alone on the device (Miyato et al. 2018, Figure 10)."""

    methods: tuple[MethodEntry, ...] = Field(
        (), description="labels of the study's methods, or entries of their own; default: all that are trained"
    )
    image_sizes: tuple[int, ...] = Field((), description="pixels; default: that of the first dataset")
    n_dis: int = Field(5, ge=1, le=100, description="discriminator steps per generator step; paper: 5")
    repeats: int = Field(5, ge=1, le=100, description="measurements of each; their median counts")
    min_seconds: float = Field(
        2.0, gt=0, le=3600, description="least length of a measurement; it has at least one update"
    )

    @field_validator("image_sizes")
    @classmethod
    def _sizes_once(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(sizes)) != len(sizes):
            raise ValueError("a size is listed twice")
        return sizes


class CurveSpec(Model):
    """Scores at the end of training against a number in the runs' specification (Miyato et al. 2018, Figures 4, 11).

    A line joins runs that differ in that number only.
    """

    key: Annotated[str, Field(pattern=r"^(setting|nets|options)\.[A-Za-z0-9_.]+$")] = Field(
        description="`setting.KEY`, `nets.KEY`, `nets.options.KEY`, or `options.KEY` of a method; e.g. setting.n_dis"
    )
    methods: tuple[Label, ...] = Field((), description="labels; default: all methods that have the key")
    metrics: tuple[str, ...] = Field((), description="metric names; default: the headline metrics")
