"""The one timer of updates: its arithmetic on a fake clock, and plausible times of real trainings."""

from __future__ import annotations

import time

import pytest
import torch

from sngan_repro.training import benchmark

CPU = torch.device("cpu")


def test_rounds_are_doubled_until_they_are_long_enough(monkeypatch: pytest.MonkeyPatch):
    """An update of 0.1 s: rounds of 1, 2 and 4 updates are shorter than 0.5 s, a round of 8 is not."""
    clock, made = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def update() -> None:
        made.append(clock[0])
        clock[0] += 0.1

    timed = benchmark.round_timer(update, CPU, min_seconds=0.5)
    assert len(made) == benchmark.WARMUP_UPDATES["cpu"] + 1 + 2 + 4 + 8
    made.clear()
    assert timed() == pytest.approx(0.1)
    assert len(made) == 8


def test_one_slow_round_does_not_count(monkeypatch: pytest.MonkeyPatch, tiny_run):
    rounds = iter([1.0, 99.0, 2.0])
    monkeypatch.setattr(benchmark, "round_timer", lambda *given: lambda: next(rounds))
    assert benchmark.measure(tiny_run(), CPU, rounds=3) == 2.0


def test_a_larger_batch_takes_longer(tiny_run):
    small = benchmark.measure(tiny_run(), CPU, min_seconds=0.02)
    large = benchmark.measure(tiny_run(training={"batch_size": 128}), CPU, min_seconds=0.02)
    assert 1e-4 < small < large


def test_images_have_the_size_and_channels_of_the_run(tiny_run):
    spec = tiny_run(data={"source": "cifar10", "image_size": 20})
    assert benchmark.random_images(spec, 5).shape == (5, 20, 20, 3)
    assert benchmark.random_images(tiny_run(data={"source": "cifar10", "image_size": 20, "channels": 1})).shape[3] == 1
