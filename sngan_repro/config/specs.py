"""The parts of a study file and the fully resolved specification of one run.

Every unit is stated: ``_steps`` are generator updates, ``_images`` images, ``image_size`` pixels. No torch here.
"""

from __future__ import annotations

import json
import math
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from sngan_repro.config.budget import BudgetSpec, SnapshotsSpec
from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.training import TrainingSpec
from sngan_repro.core.paths import expanded
from sngan_repro.core.schema import LABEL_PATTERN, Model, text_digest

MAX_LABEL = 60
"""Characters."""
Label = Annotated[str, Field(pattern=LABEL_PATTERN, max_length=MAX_LABEL)]
"""A name that becomes part of a path: letters, digits and ``_ . + -``."""


class DatasetSpec(Model):
    """One dataset at one size: everything that the prepared array depends on, and nothing else."""

    added = frozenset({"copy_of", "background"})

    source: str = Field(description="a data source; `sngan-repro datasets` lists them")
    image_size: int = Field(ge=16, le=128, multiple_of=4, description="height and width in pixels")
    channels: Literal[1, 3] | None = Field(None, description="1 grey, 3 RGB; null: as the source has")
    path: str | None = Field(None, description="folder or zip of images (source: images), class = folder name")
    copy_of: str | None = Field(
        None,
        description="the published set whose images `path` contains, e.g. cifar10 as PNG files (source: images). "
        "Claims and published numbers about that set then apply; the numbers of images are checked",
    )
    background: tuple[Annotated[int, Field(ge=0, le=255)], ...] | None = Field(
        None,
        min_length=3,
        max_length=3,
        description="red, green, blue from 0 to 255: what images with transparent pixels are put on (source: images)",
    )
    split: str | None = Field(None, description="which part of the source to train on (stl10 only)")
    test_fraction: float | None = Field(
        None, gt=0, lt=1, description="share set aside as test split, for sources that come without one"
    )
    split_seed: int = Field(0, ge=0, lt=2**32, description="seed of that split")
    resample: Literal["bicubic", "bilinear", "lanczos", "box"] = Field(
        "bicubic", description="how images are resized to `image_size`"
    )

    @property
    def id(self) -> str:
        """The folder name of the prepared data: readable, and unique by its digest.

        The digest is over the absolute path of the user's own images, since a relative one means other images in
        another folder.
        """
        digest = self.digest()
        if self.path is not None:
            digest = text_digest(f"{digest} {expanded(self.path).absolute()}")
        return f"{self.source}-{self.image_size}px-{digest[:8]}"

    @property
    def images_of(self) -> str:
        """The data source whose images these are: ``copy_of``, else ``source``."""
        return self.copy_of or self.source


class NetsSpec(Model):
    """The networks that every method of a study shares."""

    added = frozenset({"options", "condition_d", "spectral_g"})

    family: str = Field(
        "cnn",
        description="cnn or resnet of the SNGAN paper, dcgan, ...; docs/networks.md lists them",
    )
    options: dict[str, Any] = Field({}, description="the family's own options; docs/networks.md lists them")
    width: int = Field(64, ge=1, le=1024, description="channels of the layer nearest to the image; paper: 64")
    z_dim: int = Field(128, ge=1, le=4096, description="length of the latent vector; paper: 128")
    z_law: Literal["normal", "uniform", "uniform01"] = Field(
        "normal", description="N(0, 1), uniform on [-1, 1), or uniform on [0, 1)"
    )
    init: Literal["xavier", "dcgan", "pytorch"] = Field(
        "xavier", description="xavier: Glorot uniform; dcgan: normal with SD 0.02; pytorch: the defaults of its layers"
    )
    spectral_g: bool = Field(False, description="spectral normalisation of all layers of G, too")
    conditional: bool = Field(False, description="pass class labels to G and D; needs a family that uses them")
    condition_d: Literal["projection", "concat_hidden", "concat_input", "ac", "k_plus_1"] = Field(
        "projection",
        description="how D uses labels; ac, k_plus_1: outputs for classes, set by the methods `acgan` and `k_plus_1`",
    )
    label_law: Literal["balanced", "data"] = Field(
        "balanced",
        description="labels of generated images: with equal probabilities, or with the shares of the training images",
    )

    @model_validator(mode="after")
    def _labels_used(self) -> NetsSpec:
        for key in ("label_law", "condition_d"):
            if getattr(self, key) != type(self).model_fields[key].default and not self.conditional:
                raise ValueError(f"`{key}` has no effect without `conditional: true`; remove it")
        return self


OWN_SETTING = "own"
"""The name of the setting in runs of programs that do not use the study's settings."""


class MethodSpec(Model):
    """A method and its complete options (defaults filled in)."""

    added = frozenset({"code", "num_samples"})

    name: str
    options: dict[str, Any] = {}
    code: str | None = None
    """A digest of the code of the user's own method or program: an edit of its file makes new runs."""
    num_samples: int | None = None
    """The images that a program writes at each snapshot: as many as the protocols of the study need."""


class RunSpec(Model):
    """Everything that one training depends on, and nothing else. It is stored beside every result of the run.

    A run belongs to no study: studies with equal specifications share it. The names that a study gives it are in
    :class:`StudyRun`.
    """

    earlier: ClassVar[tuple[str, ...]] = ("study", "dataset", "label", "setting")
    """Names of the study that earlier versions wrote into specifications. They are ignored."""

    seed: int = Field(ge=0, lt=2**32)
    data: DatasetSpec
    method: MethodSpec
    nets: NetsSpec
    optimizer: OptimizerSpec
    training: TrainingSpec
    budget: BudgetSpec
    snapshots: SnapshotsSpec

    @model_validator(mode="before")
    @classmethod
    def _without_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if key in cls.model_fields or key not in cls.earlier}

    @cached_property
    def _json(self) -> str:
        """The text of every model, put together from those of the parts: the runs of a study have them in common."""
        values = ((key, getattr(self, key)) for key in sorted(RunSpec.model_fields))
        texts = ((key, value.to_json() if isinstance(value, Model) else json.dumps(value)) for key, value in values)
        return "{" + ", ".join(f'"{key}": {text}' for key, text in texts) + "}"

    @cached_property
    def name(self) -> str:
        """The run's folder among all runs: readable, and unique by its digest.

        The images are named by :attr:`DatasetSpec.id`, since a relative path means other images in another folder.
        """
        method = re.sub(r"\.ya?ml$", "", Path(self.method.name).name)
        method = re.sub(r"[^A-Za-z0-9_.+-]+", "-", method)
        return f"{method}-{self.data.id}-seed{self.seed}-{self.digest()}"

    def num_used(self, num_train: int) -> int:
        """The number of training images that the run uses of ``num_train``."""
        share = self.training.data_fraction
        return num_train if share is None else max(2, round(share * num_train))

    def steps_per_epoch(self, num_train: int) -> float:
        """Generator updates in one pass of D over the training images that the run uses, of ``num_train``."""
        batches = self.num_used(num_train) / self.training.batch_size
        return (math.ceil(batches) if self.training.smaller_last_batch else batches) / self.optimizer.n_dis

    def images_seen(self, steps: int, num_train: int) -> int:
        """Real images that D has seen after ``steps`` generator updates."""
        size, batches = self.training.batch_size, steps * self.optimizer.n_dis
        if not self.training.smaller_last_batch:
            return batches * size
        num = self.num_used(num_train)
        epochs, rest = divmod(batches, math.ceil(num / size))
        return epochs * num + rest * size


class StudyRun(RunSpec):
    """A run under the names that a study gives it. They are in none of the run's files and not in its digest."""

    dataset: Label = Field(exclude=True)
    label: Label = Field(exclude=True)
    setting: Label = Field(exclude=True)

    @property
    def id(self) -> str:
        """The run's folder in the study's ``runs/``: dataset/label/setting/seed<k>."""
        return f"{self.dataset}/{self.label}/{self.setting}/seed{self.seed}"


class EvaluatorSpec(Model):
    """Options of evaluators that the workflow trains on the train split of each dataset (``classifier``)."""

    epochs: int = Field(12, ge=1, le=1000, description="passes over the training images")
    width: int = Field(32, ge=4, le=512, description="channels of the first layer")
    feature_dim: int = Field(64, ge=8, le=2048, description="length of the features that FID and KID compare")
    lr: float = Field(2e-3, ge=1e-8, le=1, description="learning rate")
    batch_size: int = Field(64, ge=2, le=65536, description="images in each step")
    seed: int = Field(0, ge=0, lt=2**32, description="of the weights and of the order of the images")
