"""The files of a run that was trained to its end, as later jobs read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sngan_repro.config.records import FileModel, Status, TrainedFile, check_record, read_json_record, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import file_sha256
from sngan_repro.core.schema import ConfigError


class EndedFile(FileModel):
    """The keys of ``status.json`` that are shown. A program writes only some of the keys of a training."""

    state: str = "ok"
    spec_digest: str = ""
    steps_done: int | None = None
    steps_total: int | None = None
    seconds: float | None = None
    reason: str | None = None


def read_finished(run: RunPaths) -> tuple[RunSpec, dict[str, Any]]:
    """The specification and status.json of a run. Raises ConfigError if one is missing or damaged, or they disagree."""
    spec = check_record(RunSpec, read_json_record(run.spec, run.remedy), run.spec, run.remedy)
    status = read_record(TrainedFile, run.status, run.remedy)
    if status.get("spec_digest", spec.digest()) != spec.digest():
        raise ConfigError(f"{run.status}: belongs to another specification than {run.spec}; {run.remedy}")
    return spec, status


def run_checksums(run: RunPaths) -> dict[str, str]:
    """Name below the run's folder -> SHA-256, of the files that figures and claims read and that have no other."""
    files = (run.log, run.spectra, run.samples / "final.npy", run.samples / "progress.npy")
    return {file.relative_to(run.root).as_posix(): file_sha256(file) for file in files if file.exists()}


def check_run_file(run: RunPaths, file: Path) -> None:
    """Raise ConfigError if a file of a run is not the one in its status.json; without a status it is not checked."""
    if run.status.exists():
        known = read_record(Status, run.status, run.remedy).get("files", {}).get(file.relative_to(run.root).as_posix())
        if known is not None and not file.is_file():
            raise ConfigError(f"{file}: no such file; {run.remedy}")
        if known is not None and file_sha256(file) != known:
            raise ConfigError(f"{file}: it has changed since the training: its checksum is wrong; {run.remedy}")
