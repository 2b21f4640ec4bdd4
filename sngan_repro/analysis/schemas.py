"""The keys and columns of result files that the analysis reads."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

_TEXT = """
study dataset label setting metric class spread_over state stage reference evaluator evaluator_digest batch_norm
fault_contrast_stretch dataset_sha256 torch_fidelity spec_digest reason device device_name versions git_revision
started finished folder last_snapshot_sha256 first first_setting second second_setting selection resampled_best_steps
ledger id source where statement quantity criterion reported verdict evidence remark shown claimed unit test run_ids
"""
TEXT_COLUMNS = frozenset(_TEXT.split())
"""The columns of tables/*.csv that hold text. All others hold numbers, or True and False."""

NEEDED_COLUMNS = {
    "scores": "dataset label setting seed steps metric value state last selection num_fake",
    "runs": "dataset label setting seed state steps_done steps_total epochs images_seen seconds finished folder",
    "cost": "dataset stage label runs seconds steps images_per_second seconds_per_1000_steps max_rss_mb",
    "classes": "dataset label setting seed steps metric class value state last",
    "summary": "dataset metric label setting mean sd n ci_low ci_high steps num_runs num_diverged",
    "comparisons": "dataset metric first first_setting second second_setting mean_difference n p_value p_holm",
    "claims": "dataset id statement reported verdict reason evidence",
}
"""Table -> the columns, separated by spaces, that the analysis and the report cannot do without."""


class FileModel(BaseModel):
    """A result file, or a part of one. It lists the keys that are used here; more keys are allowed."""

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
    label: str
    setting: str | None
    seed: int | None
    steps: int | None
    images_seen: int | None
    selection: Literal["best"] | None
    metric: str
    value: float | None
    spread: float | None
    spread_over: str | None
    sampling_seed: int | None
    protocol: dict[str, Any]
    seconds: float | None
    by_class: dict[str, float | None] = {}


class Scores(FileModel):
    """``scores.json`` of a run, or the scores of real images."""

    spec_digest: str
    records: list[Record]
    seconds: float
    device: dict[str, Any]
    versions: dict[str, str]


class Time(FileModel):
    """The time of 100 generator updates in one repeat of a measurement."""

    label: str
    image_size: int
    n_dis: int
    repeat: int
    seconds: float


class TimesFile(FileModel):
    """``times.json``."""

    times: list[Time]
    min_seconds: float
    device: dict[str, Any]


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
