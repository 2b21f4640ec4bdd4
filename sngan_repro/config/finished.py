"""The files of a run that was trained to its end, as later jobs read them."""

from __future__ import annotations

from typing import Any

from sngan_repro.config.records import TrainedFile, check_record, read_json_record, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.schema import ConfigError


def read_finished(run: RunPaths) -> tuple[RunSpec, dict[str, Any]]:
    """The specification and status.json of a run. Raises ConfigError if one is missing or damaged, or they disagree."""
    again = f"delete {run.status} and run the workflow again: the run is trained anew"
    spec = check_record(RunSpec, read_json_record(run.spec, again), run.spec, again)
    status = read_record(TrainedFile, run.status, again)
    if status.get("spec_digest", spec.digest()) != spec.digest():
        raise ConfigError(f"{run.status}: belongs to another specification than {run.spec}; train the run again")
    return spec, status
