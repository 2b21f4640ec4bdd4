"""Files are written by a thread: copies, order, errors, memory, and runs that are the same as without it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import read_json
from sngan_repro.training import files as files_module
from sngan_repro.training import writer as writer_module
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.trainer import Trainer
from sngan_repro.training.writer import HostCopy, Writer

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
SECONDS = 60.0
"""A wait that long has failed."""
SHORT: dict[str, Any] = {
    "budget": {"steps": 12},
    "snapshots": {"steps": [4, 8, 12]},
    "training": {"log_every": 3, "spectral_every": 4, "ema": 0.9},
}


def run_short(folder: Path, tiny_run, tiny_images: Path, seconds_between_states: float = 1e-9) -> RunPaths:
    """A short run that saves its state after every update."""
    run = RunPaths(folder)
    train(tiny_run(**SHORT), run, tiny_images, CPU, TrainOptions(seconds_between_states, tensorboard=False))
    return run


def assert_same_run(a: RunPaths, b: RunPaths) -> None:
    for steps in SHORT["snapshots"]["steps"]:
        assert a.snapshot(steps).read_bytes() == b.snapshot(steps).read_bytes()
        assert (a.samples / f"{steps:08d}.png").read_bytes() == (b.samples / f"{steps:08d}.png").read_bytes()
    logs = [pd.read_parquet(run.log).drop(columns="images_per_second") for run in (a, b)]
    pd.testing.assert_frame_equal(*logs, check_exact=True)
    for name in ("final.npy", "progress.npy"):
        assert (a.samples / name).read_bytes() == (b.samples / name).read_bytes()
    assert read_json(a.status)["snapshots"] == read_json(b.status)["snapshots"]


@pytest.fixture(scope="module")
def undisturbed(tiny_run, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """Read only. Without a saved state on the way."""
    return run_short(tmp_path_factory.mktemp("undisturbed"), tiny_run, tiny_images, 1e6)


def test_a_copy_keeps_values_strides_and_containers():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    weight = net[0].weight
    value = {"net": net.state_dict(), "list": [weight, (1, weight[0, 0])], "none": None, "text": "x"}
    copied = HostCopy(value)
    expected = weight.detach().clone()
    with torch.no_grad():
        weight.zero_()
    value["list"].append("later")
    found = copied.get()
    assert torch.equal(found["net"]["0.weight"], expected)
    assert torch.equal(found["list"][0], expected)
    assert torch.equal(found["list"][1][1], expected[0, 0])
    assert found["net"]["0.weight"].stride() == weight.stride()
    assert not found["list"][0].requires_grad
    assert (len(found["list"]), found["none"], found["text"]) == (2, None, "x")
    net.load_state_dict(found["net"])
    assert torch.equal(weight, expected)
    convolution, batch_norm = 4 * 3 * 9 + 4, 4 * 4  # numbers of 4 bytes, and a count of 8 bytes
    assert copied.num_bytes == 4 * (convolution + batch_norm) + 8 + 4 * (4 * 3 * 9 + 9)


def test_jobs_run_in_order_and_in_one_thread():
    writer, go, seen = Writer(), threading.Event(), []
    writer.submit(lambda: seen.append(go.wait(SECONDS)))
    for number in range(5):
        writer.submit(lambda number=number: seen.append((number, threading.current_thread())))
    assert seen == []  # none of these calls waited
    go.set()
    writer.wait()
    assert [entry[0] for entry in seen[1:]] == [0, 1, 2, 3, 4]
    assert len({entry[1] for entry in seen[1:]} | {threading.current_thread()}) == 2
    writer.close()


def test_after_an_error_nothing_is_written():
    writer, go, seen = Writer(), threading.Event(), []

    def fail() -> None:
        go.wait(SECONDS)
        raise OSError("disk full")

    writer.submit(fail)
    writer.submit(lambda: seen.append("later"))
    go.set()
    for call in (writer.wait, writer.wait, lambda: writer.submit(lambda: seen.append("even later"))):
        with pytest.raises(OSError, match="disk full"):
            call()
    writer.close()
    assert seen == []


@pytest.mark.parametrize("num_bytes", [60, 200])  # more than the limit: it waits alone
def test_waiting_copies_are_bounded(num_bytes: int, monkeypatch):
    monkeypatch.setattr(writer_module, "PENDING_BYTES", 100)
    monkeypatch.setattr(writer_module, "JOB_BYTES", 1)
    writer, go, submitted = Writer(), threading.Event(), threading.Event()
    writer.submit(lambda: go.wait(SECONDS), num_bytes)

    def submit() -> None:
        writer.submit(lambda: None, num_bytes)
        submitted.set()

    other = threading.Thread(target=submit)
    other.start()
    assert not submitted.wait(0.05)
    go.set()
    assert submitted.wait(SECONDS)
    other.join()
    writer.wait()
    writer.close()


def test_updates_do_not_wait_for_a_snapshot(
    tiny_run, tiny_images: Path, tmp_path: Path, undisturbed: RunPaths, monkeypatch
):
    """The first snapshot, of update 4, is written only after update 11."""
    save, advance, reached = files_module.save_snapshot, Trainer.advance, threading.Event()

    def late(*given):
        assert reached.wait(SECONDS), "the updates wait for the snapshot"
        return save(*given)

    def watched(self):
        numbers = advance(self)
        if self.steps == 11:
            reached.set()
        return numbers

    monkeypatch.setattr(files_module, "save_snapshot", late)
    monkeypatch.setattr(Trainer, "advance", watched)
    assert_same_run(run_short(tmp_path, tiny_run, tiny_images), undisturbed)


class Killed(BaseException):
    """The end of a process."""


@pytest.mark.parametrize("written", [1, 2, 7, 16, 23])
def test_a_kill_between_two_files_loses_nothing_but_time(
    written: int, tiny_run, tiny_images: Path, tmp_path: Path, undisturbed: RunPaths, monkeypatch
):
    """The process ends after so many files, whatever is waiting then; the run goes on from what is on the disk."""
    submit, count = Writer.submit, 0

    def until_killed(self, job, num_bytes=0):
        def run() -> None:
            nonlocal count
            count += 1
            if count > written:
                raise Killed
            job()

        submit(self, run, num_bytes)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "submit", until_killed)
        with pytest.raises(Killed):
            run_short(tmp_path, tiny_run, tiny_images)
    run = RunPaths(tmp_path)
    assert not run.status.exists()
    run_short(tmp_path, tiny_run, tiny_images)
    assert_same_run(run, undisturbed)


def test_an_error_of_the_last_file_is_raised(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    save = files_module.save_snapshot

    def full(run, spec, weights, steps, *rest):
        if steps == 12:
            raise OSError(28, "No space left on device")
        return save(run, spec, weights, steps, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(files_module, "save_snapshot", full)
        with pytest.raises(OSError, match="No space left"):
            run_short(tmp_path, tiny_run, tiny_images)
    run = RunPaths(tmp_path)
    assert not run.status.exists()
    assert not run.log.exists()
    run_short(tmp_path, tiny_run, tiny_images)
    assert np.load(run.samples / "progress.npy").shape == (3, 16, 16, 16, 1)


def test_a_crash_of_the_loop_is_not_hidden_and_what_was_given_is_written(
    tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch
):
    advance = Trainer.advance

    def crashing(self):
        if self.steps == 5:
            raise ValueError("a bug in a method")
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", crashing)
    with pytest.raises(ValueError, match="a bug in a method"):
        run_short(tmp_path, tiny_run, tiny_images)
    run = RunPaths(tmp_path)
    assert run.snapshot(4).exists()
    assert torch.load(run.resume / "state.pt", weights_only=True)["steps"] == 5
