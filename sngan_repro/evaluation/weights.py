"""Published weights of evaluators: by path, or fetched once and checked. No torch here."""

from __future__ import annotations

import http.client
import shutil
import urllib.request
from pathlib import Path

from sngan_repro.core.files import atomic_path, file_sha256
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.evaluators import EVALUATORS, WeightsFile

TIMEOUT_SECONDS = 60


def weights_file(evaluator: str) -> WeightsFile:
    """The published weights of an evaluator; ConfigError when it has none."""
    found = EVALUATORS.get(evaluator).weights
    if found is None:
        having = [name for name in EVALUATORS.names() if EVALUATORS.get(name).weights]
        raise ConfigError(f"the evaluator '{evaluator}' needs no weights file (those that do: {', '.join(having)})")
    return found


def fetch_weights(weights: WeightsFile, folder: Path, download: bool) -> Path:
    """The path of published weights below ``folder``, downloaded when missing and ``download`` allows it.

    The file is checked against its checksum whether it was just fetched or was there already; a download that is cut
    short or altered is not left behind. Raises ConfigError saying where the file may come from and where to put it.
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
            request = urllib.request.Request(weights.url, headers={"User-Agent": "sngan-repro"})
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as source, temporary.open("wb") as target:
                shutil.copyfileobj(source, target)
            found = file_sha256(temporary)
            if not found.startswith(weights.sha256):
                raise ConfigError(
                    f"{weights.url}: the download is damaged: {temporary.stat().st_size} bytes, SHA-256 begins with "
                    f"{found[:8]}, expected {weights.sha256}. {by_hand}"
                )
    except (OSError, http.client.HTTPException) as error:
        raise ConfigError(f"{weights.url}: the download failed ({error}). {by_hand}") from None
    return path
