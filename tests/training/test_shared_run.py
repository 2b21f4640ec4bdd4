"""Studies share runs: a complete run is left as it is by every further job."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import read_json, write_json
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.trainer import Trainer

CPU, OPTIONS = torch.device("cpu"), TrainOptions(tensorboard=False)


@pytest.fixture
def short(tiny_run):
    return tiny_run(budget={"steps": 3}, snapshots={"steps": [3]})


@pytest.fixture
def updates(monkeypatch) -> list[int]:
    """Grows with every update of every training."""
    made, advance = [], Trainer.advance

    def counted(self):
        made.append(self.steps)
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", counted)
    return made


def test_a_complete_run_is_not_trained_again(short, tiny_images: Path, tmp_path: Path, updates, capsys):
    run = RunPaths(tmp_path / "run")
    status = train(short, run, tiny_images, CPU, OPTIONS)
    before = {path: path.stat().st_mtime_ns for path in run.root.rglob("*") if path.is_file() and path.name != "lock"}
    assert train(short, run, tiny_images, CPU, OPTIONS) == status
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(updates) == 3
    assert capsys.readouterr().err.endswith(f"{short.name}: trained already\n")


def test_an_incomplete_run_is_trained_again(short, tiny_images: Path, tmp_path: Path, updates):
    run = RunPaths(tmp_path / "run")
    train(short, run, tiny_images, CPU, OPTIONS)
    for number, missing in enumerate((run.status, run.log), 2):
        missing.unlink()
        train(short, run, tiny_images, CPU, OPTIONS)
        assert len(updates) == 3 * number
        assert missing.exists()


def test_a_run_on_other_images_is_trained_again(short, tiny_images: Path, tmp_path: Path, updates):
    import numpy as np

    from sngan_repro.core.files import file_sha256

    run, other = RunPaths(tmp_path / "run"), tmp_path / "other"
    train(short, run, tiny_images, CPU, OPTIONS)
    run.scores.write_text("{}")
    (run.root / "scores-0123456789abcdef.json").write_text("{}")
    shutil.copytree(tiny_images, other)
    np.save(other / "images.npy", np.load(tiny_images / "images.npy")[::-1])
    record = read_json(other / "dataset.json") | {"sha256": file_sha256(other / "images.npy")}
    write_json(other / "dataset.json", record)
    os.utime(other / "dataset.json")
    assert train(short, run, other, CPU, OPTIONS)["dataset_sha256"] == record["sha256"]
    assert len(updates) == 6
    assert run.evaluated == []  # scores of the earlier weights
