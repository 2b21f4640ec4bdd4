"""The JSON files beside fetched and prepared data and beside evaluators: their keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from sngan_repro.config.records import Count, FileModel, Sha256

Side = Annotated[int, Field(ge=1, le=4096)]
ImageShape = tuple[Literal[1, 3], Side, Side]
"""(C, H, W)"""


class PreparedFile(FileModel):
    """The keys of ``dataset.json`` that a reader of prepared images needs."""

    num_train: Count
    num_test: Count
    image_shape: ImageShape
    classes: list[str] | None
    sha256: Sha256
    labels_sha256: Sha256
    spec_digest: str = ""
    source_stamp: str = ""


class DatasetFile(FileModel):
    """The keys of ``dataset.json`` that the report needs."""

    spec_digest: str
    source_title: str
    num_train: int
    num_test: int
    image_shape: tuple[int, int, int]
    classes: list[str] | None
    sha256: str
    split: str
    origin: dict[str, Any]
    preparation: str = ""


class EvaluatorFile(FileModel):
    """``evaluator.json``."""

    evaluator: str
    digest: str
    weights_sha256: str | None
    feature_dim: int
    num_classes: int
    train_accuracy: float | None
    test_accuracy: float | None
    seconds: float


class BuiltEvaluatorFile(EvaluatorFile):
    """The keys of ``evaluator.json`` that scoring needs."""

    weights: str | None
    dataset_sha256: str
    options: dict[str, Any] | None
    features_sha256: dict[Literal["train", "test"], Sha256] = {}


class FetchedFile(FileModel):
    sha256: Sha256
    note: str | None = None


class SourceFile(FileModel):
    """``source.json`` of fetched files."""

    url: list[str]
    how: str
    files: dict[str, FetchedFile]


class WeightsRecord(FileModel):
    """The record of the weights of a published evaluator."""

    file: str
    sha256: Sha256
