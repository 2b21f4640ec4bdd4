"""Several trainings in one process: each computes what it does alone, and fails for itself."""

from __future__ import annotations

import json
import signal
import threading
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from sngan_repro.cli.workflow_training import train as train_command
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.load import load_study
from sngan_repro.training.job import INTERRUPTED
from sngan_repro.training.job import train as train_run
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.trainer import Trainer
from sngan_repro.workflow.packs import packs

CPU = torch.device("cpu")

CHANGES = ["budget.steps=30"]


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    values = {
        "title": "Together",
        "datasets": {"digits": {"source": "digits", "image_size": 16}},
        "methods": ["sngan", "wgan_gp", {"name": "began", "lambda_k": 0.1}],
        "settings": {"A": {"lr": 0.002, "beta1": 0.5, "beta2": 0.9}},
        "seeds": [0],
        "budget": {"steps": 40},
        "snapshots": {"count": 2},
        "training": {"batch_size": 8, "ema": 0.9, "log_every": 5},
        "nets": {"width": 4, "z_dim": 8},
        "scores": [{"evaluator": "classifier", "metrics": ["fid"], "num_fake": 20}],
    }
    file = tmp_path / "together.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def runs_of(study_file: Path) -> list[RunSpec]:
    return load_study(str(study_file), CHANGES).runs()


def job(spec: RunSpec, study_file: Path, folder: Path, images: Path, **changes) -> RunPaths:
    """What the job of a run does, with all runs of the study in its pack."""
    run = RunPaths(folder / spec.name)
    given = {
        "spec": spec.to_json(),
        "run": str(run.root),
        "dataset": str(images),
        "device": "cpu",
        "threads": 1,
        "checkpoint_seconds": 60.0,
        "no_tensorboard": True,
        "no_cuda_graphs": False,
        "compile": "auto",
        "stream_images": "auto",
        "log": None,
        "together": 3,
        "study": str(study_file),
        "set": json.dumps(CHANGES),
        "state_only": False,
    }
    train_command(Namespace(**{**given, **changes}))
    return run


def assert_same_results(found: RunPaths, wanted: RunPaths) -> None:
    for name in ("final.npy", "progress.npy"):
        assert np.array_equal(np.load(found.samples / name), np.load(wanted.samples / name))
    files = sorted(file.name for file in (wanted.root / "snapshots").iterdir())
    assert files
    for name in files:
        assert (found.root / "snapshots" / name).read_bytes() == (wanted.root / "snapshots" / name).read_bytes()


def alone(study_file: Path, folder: Path, images: Path) -> list[RunPaths]:
    made = []
    for spec in runs_of(study_file):
        made.append(RunPaths(folder / spec.name))
        train_run(spec, made[-1], images, CPU, TrainOptions(tensorboard=False))
    return made


@pytest.mark.slow
def test_the_same_bytes_as_alone(study_file: Path, tmp_path: Path, tiny_images: Path):
    """The first job trains all three; the jobs of the others only write what they find."""
    wanted = alone(study_file, tmp_path / "alone", tiny_images)
    specs, folder = runs_of(study_file), tmp_path / "together"
    job(specs[0], study_file, folder, tiny_images)
    companions = [RunPaths(folder / spec.name) for spec in specs[1:]]
    assert all(run.trained.exists() and not run.status.exists() for run in companions)
    assert all("update 30/30" in (run.resume / "together.log").read_text() for run in companions)
    before = [(run.resume / "state.pt").stat().st_mtime_ns for run in companions]
    for spec in specs[1:]:
        job(spec, study_file, folder, tiny_images)
    assert [(run.resume / "state.pt").stat().st_mtime_ns for run in companions] != before  # saved again, not trained
    for spec, run in zip(specs, wanted, strict=True):
        assert_same_results(RunPaths(folder / spec.name), run)


@pytest.mark.slow
def test_a_signal_stops_all_and_loses_nothing(study_file: Path, tmp_path: Path, tiny_images: Path, monkeypatch):
    wanted = alone(study_file, tmp_path / "alone", tiny_images)
    specs, folder = runs_of(study_file), tmp_path / "together"
    advance, started, told = Trainer.advance, threading.Semaphore(0), threading.Event()

    def waiting(self):
        # At the signal, each companion has made five updates, and none is at its end.
        if self.spec.name != specs[0].name and self.steps == 5:
            started.release()
            told.wait(60)
        if self.spec.name == specs[0].name and self.steps == 12:
            assert all(started.acquire(timeout=60) for _ in specs[1:])
            told.set()
            signal.raise_signal(signal.SIGTERM)
        return advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", waiting)
        with pytest.raises(SystemExit) as stopped:
            job(specs[0], study_file, folder, tiny_images)
    assert stopped.value.code == INTERRUPTED
    for spec in specs:
        run = RunPaths(folder / spec.name)
        assert (run.resume / "state.pt").exists()
        assert not run.trained.exists()
    for spec in specs:
        job(spec, study_file, folder, tiny_images)
    for spec, run in zip(specs, wanted, strict=True):
        assert_same_results(RunPaths(folder / spec.name), run)


@pytest.mark.slow
def test_what_fails_in_a_companion_is_left_to_its_own_job(study_file: Path, tmp_path: Path, tiny_images, monkeypatch):
    specs = runs_of(study_file)
    advance = Trainer.advance

    def failing(self):
        if self.spec.name == specs[1].name:
            raise RuntimeError("out of memory")
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", failing)
    first = job(specs[0], study_file, tmp_path, tiny_images)
    assert first.status.exists()
    other = RunPaths(tmp_path / specs[2].name)
    assert other.trained.exists(), other.together_log.read_text()
    failed = RunPaths(tmp_path / specs[1].name)
    assert "RuntimeError: out of memory" in (failed.resume / "together.log").read_text()
    assert not failed.trained.exists()
    with pytest.raises(RuntimeError, match="out of memory"):
        job(specs[1], study_file, tmp_path, tiny_images)


def test_packs_keep_the_order_and_never_mix_datasets(tiny_run):
    sizes = {"image_size": 16}, {"image_size": 28}
    runs = [tiny_run(seed=seed, data=size) for size in sizes for seed in range(5)]
    found = packs(runs, 3)
    assert [len(pack) for pack in found] == [3, 2, 3, 2]
    assert [run for pack in found for run in pack] == runs


def test_a_held_run_is_waited_for_only_with_companions(study_file: Path, tmp_path: Path, tiny_images: Path):
    from sngan_repro.training.checkpoint import run_lock

    spec = runs_of(study_file)[0]
    with run_lock(RunPaths(tmp_path / spec.name)), pytest.raises(ConfigError, match="being trained already"):
        job(spec, study_file, tmp_path, tiny_images, together=1)


@pytest.mark.slow
def test_the_process_is_set_up_once(study_file: Path, tmp_path: Path, tiny_images: Path, monkeypatch):
    """A companion that set it up again would change the precision of runs that have begun."""
    from sngan_repro.core import runtime

    calls, setup = [], runtime.setup
    monkeypatch.setattr(runtime, "setup", lambda *given: calls.append(given) or setup(*given))
    job(runs_of(study_file)[0], study_file, tmp_path, tiny_images)
    assert calls == [("cpu", 1)]
