"""The JSON files that jobs write and later jobs read: their keys, and the one reader that checks them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from sngan_repro.core.files import ChecksumError, read_regular
from sngan_repro.core.schema import ConfigError, parse, shortened
from sngan_repro.core.sealed import opened

MAX_JSON_BYTES = 1 << 28
"""The largest JSON file that is read."""


def read_json_record(path: Path, remedy: str) -> dict[str, Any]:
    """The mapping in a JSON file, without its checksum.

    remedy: what the reader of the message should do. Raises ConfigError with the file and the remedy if it is missing
    or damaged.
    """
    try:
        values = json.loads(read_regular(path, MAX_JSON_BYTES))
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: damaged, a mapping is needed and a {type(values).__name__} found")
        return opened(values)
    except ConfigError as error:
        raise ConfigError(f"{error}; {remedy}") from None
    except ChecksumError as error:
        raise ConfigError(f"{path}: damaged: {error}; {remedy}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: damaged, not JSON ({shortened(str(error))}); {remedy}") from None


def read_record(model: type[FileModel], path: Path, remedy: str) -> dict[str, Any]:
    """All values of a JSON file that has the keys of ``model``.

    remedy: what the reader of the message should do. Raises ConfigError with the file, the first wrong key, and the
    remedy if the file is missing, damaged, or lacks a key.
    """
    values = read_json_record(path, remedy)
    check_record(model, values, path, remedy)
    return values


ModelT = TypeVar("ModelT", bound=BaseModel)


def check_record(model: type[ModelT], values: Any, path: Path, remedy: str) -> ModelT:
    """The values of a file as ``model``. Raises ConfigError as :func:`read_record` does."""
    try:
        return parse(model, values, str(path))
    except ConfigError as error:
        first, *others = str(error).splitlines()
        more = f" (and {len(others)} more)" if others else ""
        raise ConfigError(f"{first}{more}; {remedy}") from None


class FileModel(BaseModel):
    """A file, or a part of one. It lists the keys that are read here; more keys are allowed."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TrainedSnapshot(FileModel):
    steps: Count
    images_seen: Count | None = None
    sha256: str | None = None


class TrainedFile(FileModel):
    """The keys of ``status.json`` that scoring needs."""

    spec_digest: str = ""
    snapshots: list[TrainedSnapshot]


class Snapshot(FileModel):
    steps: Count
    images_seen: Count
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
    files: dict[str, Sha256] = {}
    """Other files of the run -> their SHA-256; earlier versions recorded none."""


class Record(FileModel):
    """One score. selection "best": of a snapshot chosen by an earlier score, measured again on a fresh sample.

    The scores of a run name no study: it may belong to many.
    """

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


class RealRecord(Record):
    """One score of real images, which a study has of its own. seed: the number of the draw."""

    study: str
    dataset: str
    label: str


class Scores(FileModel):
    """The scores of a run."""

    spec_digest: str
    records: list[Record]
    seconds: float
    device: dict[str, Any]
    versions: dict[str, str]


class RealScores(Scores):
    """The scores of real images."""

    records: list[RealRecord]  # type: ignore[assignment]


class Time(FileModel):
    """The time of 100 generator updates in one repeat of a measurement."""

    label: str
    image_size: int
    n_dis: int
    repeat: int
    seconds: float


class GalleryFile(FileModel):
    """``gallery.json`` of a run."""

    spec_digest: str
    nearer: dict[str, float] | None
    longest_step: float | None
    images_sha256: Sha256 | None = None


class TimesFile(FileModel):
    """``times.json``."""

    times: list[Time]
    min_seconds: float
    device: dict[str, Any]
