"""One training without a study file and without the workflow, by the same loop and with the same files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sngan_repro.analysis.tabular import read_log
from sngan_repro.api.data import prepare_dataset
from sngan_repro.api.generators import Generator, load_generator
from sngan_repro.config.records import Status, read_json_record, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core import runtime
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.load import make_study
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions


def run_spec(
    method: str | Mapping[str, Any],
    data: Mapping[str, Any],
    setting: Mapping[str, Any],
    budget: Mapping[str, Any],
    seed: int = 0,
    **parts: Mapping[str, Any],
) -> RunSpec:
    """The specification of one run, checked like a study.

    method: a name, or a mapping with options, as under ``methods`` in a study file. data: as under ``datasets``.
    setting: as under ``settings``. budget: ``{"steps": ...}`` (generator updates) or ``{"epochs": ...}``. parts:
    ``nets``, ``training`` and ``snapshots`` as in a study file. Raises ConfigError that names every wrong key.
    """
    if unknown := sorted(set(parts) - {"nets", "training", "snapshots"}):
        raise ConfigError(f"run_spec: unknown keys: {', '.join(unknown)} (allowed here: nets, training, snapshots)")
    values = {
        "name": "library",
        "title": "A single run",
        "datasets": {str(data.get("source", "data")): dict(data)},
        "methods": [method if isinstance(method, str) else dict(method)],
        "settings": {"A": dict(setting)},
        "seeds": [seed],
        "budget": dict(budget),
        "scores": [{"evaluator": "classifier", "metrics": ["confidence"], "num_fake": 10}],  # it is not scored
        **{name: dict(part) for name, part in parts.items()},
    }
    (run,) = make_study(values, "run_spec").runs()
    return run


@dataclass(frozen=True)
class TrainedRun:
    """A run that was trained to its end."""

    spec: RunSpec
    folder: Path
    """spec.json, status.json, train.parquet, snapshots/ and samples/, as in results/<study>/runs/."""
    status: dict[str, Any]
    """status.json: ``state`` ("ok" or "diverged"), ``seconds``, ``images_per_second``, ``snapshots``, versions, ..."""

    @property
    def snapshots(self) -> list[Path]:
        """The files of the snapshots, in the order of training."""
        return [RunPaths(self.folder).snapshot(snapshot["steps"]) for snapshot in self.status["snapshots"]]

    @property
    def log(self) -> pd.DataFrame:
        """The training log, one row per generator update: ``step``, ``d_loss``, ``g_loss`` and the method's logs."""
        return read_log(RunPaths(self.folder))

    def generator(self, device: str = "auto") -> Generator:
        """The generator of the last snapshot."""
        return load_generator(self.snapshots[-1], device)


def train_run(
    spec: RunSpec,
    folder: Path | str,
    data_dir: Path | str | None = None,
    device: str = "auto",
    checkpoint_seconds: float = 60.0,
    tensorboard: bool = False,
) -> TrainedRun:
    """Train a run to its end in its own folder, and return its files and status.

    spec: from :func:`run_spec`, or one of ``load_study("quick").runs()``. Images are prepared first when they are not
    in ``data_dir``. The same call resumes a training that was interrupted (also by the notebook's stop button, which
    raises KeyboardInterrupt), and does not train a complete run again. A training that diverges is a result: see
    ``status["state"]``. Raises ConfigError if the folder holds another run, or other files.
    """
    run, options = RunPaths(Path(folder)), TrainOptions(checkpoint_seconds=checkpoint_seconds, tensorboard=tensorboard)
    chosen = runtime.setup(device)
    dataset = prepare_dataset(spec.data, data_dir)
    status = _finished(run, spec)
    if status is None:
        try:
            status = train(spec, run, dataset, chosen, options)
        except SystemExit:  # the training has saved its state
            raise KeyboardInterrupt(f"{run.root}: interrupted; the same call goes on from the saved state") from None
    assert status is not None
    return TrainedRun(spec, run.root, status)


def _finished(run: RunPaths, spec: RunSpec) -> dict[str, Any] | None:
    """status.json of a complete run of this specification; None if there is none yet.

    Raises ConfigError for a folder with other files, since a training removes the files of an earlier one.
    """
    if run.spec.exists():
        if read_json_record(run.spec, "delete the folder, or choose another one") != spec.to_dict():
            raise ConfigError(f"{run.root}: holds a run of another specification; choose another folder")
        return read_record(Status, run.status, "delete it and train again") if run.status.exists() else None
    if run.root.is_dir() and any(path != run.resume for path in run.root.iterdir()):
        raise ConfigError(f"{run.root}: holds files that are no run; choose a folder that is new or empty")
    return None
