"""Damaged files of an interrupted training: it starts anew or goes on, and the result is always the same."""

from __future__ import annotations

import io
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.damages import DAMAGES
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import append_sha256, read_with_sha256
from sngan_repro.training.checkpoint import state_path
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.trainer import Trainer

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
OPTIONS = TrainOptions(tensorboard=False)
SHORT = {"budget": {"steps": 6}, "snapshots": {"steps": [2, 6]}, "training": {"log_every": 2, "spectral_every": 3}}


def snapshots(run: RunPaths) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((run.root / "snapshots").iterdir())}


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("interrupted") / "run"


@pytest.fixture
def run(interrupted: Path, tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch) -> RunPaths:
    """A copy of a run that was interrupted after 4 of 6 updates."""
    if not interrupted.exists():
        advance = Trainer.advance

        def counted(self):
            logs = advance(self)
            if self.steps == 4:
                signal.raise_signal(signal.SIGTERM)
            return logs

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "advance", counted)
            with pytest.raises(SystemExit):
                train(tiny_run(**SHORT), RunPaths(interrupted), tiny_images, CPU, OPTIONS)
    shutil.copytree(interrupted, tmp_path / "run")
    return RunPaths(tmp_path / "run")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    return RunPaths(tmp_path_factory.mktemp("undisturbed") / "run")


@pytest.fixture
def ends_right(tiny_run, tiny_images: Path, undisturbed: RunPaths) -> Callable[[RunPaths], str]:
    """Trains a run to its end, and compares it with the undisturbed one."""

    def check(run: RunPaths) -> str:
        if not undisturbed.root.exists():
            train(tiny_run(**SHORT), undisturbed, tiny_images, CPU, OPTIONS)
        printed = io.StringIO()
        status = train(tiny_run(**SHORT), run, tiny_images, CPU, OPTIONS, out=printed)
        assert status is not None
        assert status["state"] == "ok"
        assert snapshots(run) == snapshots(undisturbed)
        return printed.getvalue()

    return check


def test_an_undamaged_state_is_resumed(run: RunPaths, ends_right):
    assert "resuming after update 4" in ends_right(run)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_starts_anew(damage: str, run: RunPaths, ends_right):
    DAMAGES[damage](state_path(run), random.Random(damage))
    assert "starting from update 0: " in ends_right(run)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log(damage: str, run: RunPaths, ends_right):
    DAMAGES[damage](run.resume / "log.f64", random.Random(damage))
    printed = ends_right(run)
    assert "starting from update 0: the saved state does not fit" in printed


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_beside_the_state(damage: str, run: RunPaths, ends_right):
    """They only describe the training."""
    (run.resume / "trained").write_text("0" * 16)
    for name in ("progress.json", "trained"):
        DAMAGES[damage](run.resume / name, random.Random(damage))
    assert "resuming after update 4" in ends_right(run)


def edited(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """An edit of a state. key: ``a.b`` for an inner one. value: ``del`` removes it."""

    def edit(state: dict[str, Any]) -> None:
        *outer, last = key.split(".")
        for name in outer:
            state = state[name]
        if value == "del":
            del state[last]
        else:
            state[last] = value

    return edit


EDITS = [(name, "del") for name in ("steps", "format", "identity", "trainer", "kept", "log")]
EDITS += [("steps", None), ("steps", "x"), ("steps", [1]), ("format", "x"), ("identity", 7), ("identity", "[]")]
EDITS += [("trainer", None), ("trainer", []), ("trainer.G", {}), ("trainer.steps", "x"), ("trainer.G", "del")]
EDITS += [("kept", []), ("kept.images", None), ("kept.measured", "x"), ("kept.resumed", "x"), ("kept.diverged", 1)]
EDITS += [("steps", 5), ("trainer.steps", 3)]
EDITS += [("log", 5), ("log.columns", None), ("log.num_rows", -1), ("log.num_rows", 10**9), ("log.sha256", 1)]


@pytest.mark.parametrize(("key", "value"), EDITS, ids=[f"{key}-{value}" for key, value in EDITS])
def test_a_state_of_another_form_starts_anew(key: str, value: Any, run: RunPaths, ends_right):
    """Its checksum is right: another program, or another version of this one, has written it."""
    path = state_path(run)
    state = torch.load(io.BytesIO(read_with_sha256(path)), weights_only=True)
    edited(key, value)(state)
    torch.save(state, path)
    append_sha256(path)
    assert "starting from update 0: " in ends_right(run)
