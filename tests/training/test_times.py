"""The file of measured times; how an update is timed is tested with the timer."""

from __future__ import annotations

import pytest
import torch

from sngan_repro.analysis.times import read_times
from sngan_repro.config.specs import RunSpec, StudyRun
from sngan_repro.core.files import read_json
from sngan_repro.training import benchmark, times


def named(run: RunSpec, label: str) -> StudyRun:
    return StudyRun(**dict(run), dataset="blobs", label=label, setting="A")


def test_each_repeat_of_each_run_is_written_in_seconds_of_100_updates(tiny_run, tmp_path, monkeypatch, capsys):
    rounds = iter([0.5, 0.25, 0.75, 1.0])
    monkeypatch.setattr(benchmark, "round_timer", lambda *given: lambda: next(rounds))
    runs = [
        named(tiny_run(optimizer={"n_dis": 5}), "A"),
        named(tiny_run(data={"image_size": 20}), "B"),
    ]
    times.measure_times(runs, torch.device("cpu"), 0.01, 2, tmp_path / "times.json")
    found = read_times(tmp_path / "times.json")
    assert found.to_dict("records") == [
        {"label": "A", "image_size": 16, "n_dis": 5, "repeat": 0, "seconds": 50.0},
        {"label": "A", "image_size": 16, "n_dis": 5, "repeat": 1, "seconds": 25.0},
        {"label": "B", "image_size": 20, "n_dis": 1, "repeat": 0, "seconds": 75.0},
        {"label": "B", "image_size": 20, "n_dis": 1, "repeat": 1, "seconds": 100.0},
    ]
    record = read_json(tmp_path / "times.json")
    assert (record["min_seconds"], record["updates"], record["device"]["type"]) == (0.01, 100, "cpu")
    assert "1/2 A, 16 px: 50, 25 s per 100 updates" in capsys.readouterr().err


def test_updates_are_really_made(tiny_run, tmp_path):
    times.measure_times([named(tiny_run(), "SNGAN")], torch.device("cpu"), 0.001, 1, tmp_path / "times.json")
    assert read_times(tmp_path / "times.json")["seconds"].item() > 0


def test_nothing_measured_yet(tmp_path: pytest.TempPathFactory):
    assert read_times(tmp_path / "times.json") is None
