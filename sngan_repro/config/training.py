"""Options of the training loop, as a part of a study and of a run's specification. No torch here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sngan_repro.config.budget import MAX_STEPS
from sngan_repro.core.schema import Model


class TrainingSpec(Model):
    """Options of the training loop that all methods share."""

    added = frozenset(
        {
            "batch_size_g",
            "critic_loss_images",
            "smaller_last_batch",
            "data_fraction",
            "save_d",
            "reuse_fake",
            "pretrain_d",
        }
    )

    batch_size: int = Field(64, ge=2, le=4096, description="images in each step of D and of G")
    batch_size_g: int | None = Field(
        None, ge=2, le=4096, description="images in each step of G; default: `batch_size`; the SNGAN authors' code: 128"
    )
    smaller_last_batch: bool = Field(
        False,
        description="each epoch ends with a batch of the images that are left, such as 96 after 468 batches of 128; "
        "default: batches are full, and the images that are left begin the next one",
    )
    data_fraction: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of the training images that is used, even over the classes, chosen by the seed of the run; "
        "evaluators and scores use all images",
    )
    reuse_fake: bool = Field(False, description="G's step uses the images of D's last step, instead of new ones")
    pretrain_d: int | None = Field(
        None,
        ge=1,
        le=MAX_STEPS,
        description="updates of D alone before the first update of G, each of `n_dis` steps; they do not count in the "
        "budget",
    )
    ema: float | None = Field(None, gt=0, lt=1, description="decay of an average of G's weights, used for samples")
    lr_decay_from: float | None = Field(
        None, ge=0, lt=1, description="share of the training after which both rates fall linearly to 0"
    )
    log_every: int = Field(
        50, ge=1, le=MAX_STEPS, description="updates between two read-outs of the log and finiteness checks"
    )
    spectral_every: int | None = Field(
        None,
        ge=1,
        le=MAX_STEPS,
        description="updates between two measurements of D (spectral norms, accuracy); default: 20 in all",
    )
    critic_loss_images: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        description="measure D's critic loss on this number of training and held-out images; paper: 10,000",
    )
    save_d: bool = Field(False, description="keep D at the end of the training, for `sngan-repro export`")
    precision: Literal["fp32", "tf32", "bf16"] = Field(
        "fp32",
        description="of the networks; bf16: power iterations and penalties stay in fp32; tf32: of products on a GPU",
    )

    @model_validator(mode="after")
    def _own_batch_of_g(self) -> TrainingSpec:
        if self.batch_size_g is not None and self.reuse_fake:
            raise ValueError("`batch_size_g` has no effect with `reuse_fake`; remove one of them")
        if self.batch_size_g == self.batch_size:
            raise ValueError(f"`batch_size_g` {self.batch_size_g} equals `batch_size`, so it has no effect; remove it")
        return self
