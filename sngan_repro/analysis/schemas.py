"""What the analysis needs of each kind of result file."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class FileModel(BaseModel):
    """A result file, or a part of one: the keys used here; more keys are allowed."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Snapshot(FileModel):
    steps: int
    images_seen: int
    sha256: str
    last_finite: bool = False


class Status(FileModel):
    """``status.json`` of a run."""

    state: Literal["ok", "diverged"]
    spec_digest: str
    steps_total: int
    steps_done: int
    diverged_at: int | None
    reason: str | None
    steps_per_epoch: float
    images_seen: int
    snapshots: list[Snapshot]
    seconds: float
    images_per_second: float
    updates_per_second: float
    max_rss_mb: float
    resumed: int
    num_parameters: dict[str, int]
    device: dict[str, Any]
    versions: dict[str, str]
    git_revision: str | None
    started: str
    finished: str


class Record(FileModel):
    """One score. selection "best": of a snapshot chosen by an earlier score, measured again on a fresh sample."""

    study: str
    dataset: str
    method: str
    setting: str | None
    seed: int | None
    updates: int | None
    images_seen: int | None
    selection: Literal["best"] | None
    metric: str
    value: float | None
    spread: float | None
    spread_over: str | None
    sampling_seed: int | None
    protocol: dict[str, Any]
    seconds: float | None


class Scores(FileModel):
    """``scores.json`` of a run, or the scores of real images."""

    spec_digest: str
    records: list[Record]
    seconds: float
    device: dict[str, Any]
    versions: dict[str, str]


class DatasetFile(FileModel):
    """``dataset.json`` of prepared images."""

    spec_digest: str
    source_title: str
    num_train: int
    num_test: int
    image_shape: tuple[int, int, int]
    classes: list[str] | None
    sha256: str
    split: str
    origin: dict[str, Any]


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
