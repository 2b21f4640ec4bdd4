"""How long to train, and when the generator is saved. No torch here."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, model_validator

from sngan_repro.core.schema import ConfigError, Model

MAX_STEPS = 100_000_000
"""Generator updates of a training, at most."""
MAX_SNAPSHOTS = 10_000
"""Snapshots of a training, at most."""


class BudgetSpec(Model):
    """The length of the training, in one of two units. The other is computed and recorded.

    An epoch is one pass over the training images by D's steps: num_train / (batch_size * n_dis) generator updates, with
    ``smaller_last_batch`` rounded up to whole batches.
    """

    steps: int | None = Field(None, ge=1, le=MAX_STEPS, description="generator updates")
    epochs: float | None = Field(None, gt=0, le=1e6, description="passes over the training images")

    @model_validator(mode="after")
    def _one_unit(self) -> BudgetSpec:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give exactly one of `steps` and `epochs`")
        return self

    def total_steps(self, steps_per_epoch: float) -> int:
        """The budget in generator updates, at least 1."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        if (steps := max(1, round(self.epochs * steps_per_epoch))) > MAX_STEPS:
            raise ConfigError(f"budget: epochs: {self.epochs:g} are {steps:,} updates here; at most {MAX_STEPS:,}")
        return steps


class SnapshotsSpec(Model):
    """The updates after which G is saved. The end of training is always among them."""

    count: int | None = Field(
        None, ge=1, le=MAX_SNAPSHOTS, description="number of snapshots, evenly spaced; the last one is at the end"
    )
    every_steps: int | None = Field(
        None, ge=1, le=MAX_STEPS, description="number of generator updates between two snapshots"
    )
    every_epochs: float | None = Field(None, ge=1e-6, le=1e6, description="number of epochs between two snapshots")
    steps: tuple[Annotated[int, Field(ge=1, le=MAX_STEPS)], ...] | None = Field(
        None, min_length=1, max_length=MAX_SNAPSHOTS, description="after exactly these generator updates"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> SnapshotsSpec:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of `count`, `every_steps`, `every_epochs`, `steps`")
        return self

    def at(self, total_steps: int, steps_per_epoch: float) -> list[int]:
        """The generator updates after which G is saved, increasing, ending with ``total_steps``.

        Raises ConfigError if they are more than MAX_SNAPSHOTS.
        """
        period = self.every_steps or (self.every_epochs or math.inf) * steps_per_epoch
        if total_steps / period > MAX_SNAPSHOTS:
            key = "every_steps" if self.every_steps else "every_epochs"
            raise ConfigError(
                f"snapshots: {key}: {getattr(self, key):g} gives {total_steps / period:,.0f} snapshots in "
                f"{total_steps:,} updates; at most {MAX_SNAPSHOTS:,}"
            )
        if self.count is not None:
            chosen = [round(total_steps * k / self.count) for k in range(1, self.count + 1)]
        elif self.every_steps is not None:
            chosen = list(range(self.every_steps, total_steps + 1, self.every_steps))
        elif self.every_epochs is not None:
            chosen = [round(period * k) for k in range(1, int(total_steps / period + 1e-9) + 1)]
        else:
            assert self.steps is not None
            chosen = list(self.steps)
        return sorted({step for step in chosen if 1 <= step <= total_steps} | {total_steps})
