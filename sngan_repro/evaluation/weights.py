"""Published weights of evaluators: from a given path, or downloaded once and checked. No torch here."""

from __future__ import annotations

from pathlib import Path

from sngan_repro.config.data_records import WeightsRecord
from sngan_repro.config.records import read_record
from sngan_repro.core.files import atomic_path, file_sha256
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.download import download_file
from sngan_repro.evaluation.evaluators import EVALUATORS, WeightsFile


def weights_file(evaluator: str) -> WeightsFile:
    """The published weights of an evaluator. Raises ConfigError if it has none."""
    found = EVALUATORS.get(evaluator).weights
    if found is None:
        having = [name for name in EVALUATORS.names() if EVALUATORS.get(name).weights]
        raise ConfigError(f"the evaluator '{evaluator}' needs no weights file (those that do: {', '.join(having)})")
    return found


def recorded_weights(record: Path) -> Path:
    """The file of weights that a record beside it names. Raises ConfigError if the record is damaged."""
    found = read_record(WeightsRecord, record, "delete it and run again")
    return record.parent / found["file"]


def fetch_weights(weights: WeightsFile, folder: Path, download: bool) -> Path:
    """The path of published weights in ``folder``. A missing file is downloaded if ``download`` is true.

    The checksum is always checked. An incomplete or changed download is not kept. Raises ConfigError with the URL and
    the place for the file.
    """
    path = folder / weights.name
    elsewhere = f", or name its place as `{weights.key}` in config/config.yaml" if weights.key else ""
    by_hand = f"Fetch {weights.url} by hand and put it at {path}{elsewhere}."
    if path.exists():
        found = file_sha256(path)
        if not found.startswith(weights.sha256):
            raise ConfigError(
                f"{path}: this is not the published file: its SHA-256 begins with {found[:8]}, expected "
                f"{weights.sha256}; remove it. {by_hand}"
            )
        return path
    if not download:
        raise ConfigError(f"{path}: the weights of an evaluator are missing and `download` is false. {by_hand}")
    try:
        with atomic_path(path) as temporary:
            if problem := download_file(weights.url, temporary):
                raise ConfigError(f"{weights.url}: the download failed ({problem}). {by_hand}")
            found = file_sha256(temporary)
            if not found.startswith(weights.sha256):
                raise ConfigError(
                    f"{weights.url}: the download is damaged: {temporary.stat().st_size} bytes, SHA-256 begins with "
                    f"{found[:8]}, expected {weights.sha256}. {by_hand}"
                )
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}). {by_hand}") from None
    return path
