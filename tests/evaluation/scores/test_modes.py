"""Modes covered and their divergence from equal shares, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.metrics import compute
from sngan_repro.evaluation.protocol import metric_name
from sngan_repro.evaluation.scores.modes import class_counts, kl_to_uniform

PROTOCOL = ProtocolSpec(evaluator="classifier", metrics=("modes", "modes_kl"), num_fake=12)


def logits(classes: list[int], num_classes: int) -> np.ndarray:
    """Logits whose largest entry is at the class."""
    rows = np.random.default_rng(0).normal(0, 0.1, (len(classes), num_classes)).astype(np.float32)
    rows[np.arange(len(classes)), classes] += 3
    return rows


def scores(classes: list[int], num_classes: int) -> dict[str, float]:
    fake = {"features": np.zeros((len(classes), 2), np.float32), "logits": logits(classes, num_classes)}
    real = {"features": np.zeros((4, 2), np.float32), "logits": np.zeros((4, num_classes), np.float32)}
    return {name: value for name, (value, _, _) in compute(PROTOCOL, fake, real).items()}


def test_all_classes_equally_often():
    assert scores([0, 1, 2, 3] * 3, 4) == {"modes": 4, "modes_kl": 0}


def test_one_class_only():
    found = scores([2] * 12, 10)
    assert found["modes"] == 1
    assert found["modes_kl"] == pytest.approx(math.log(10))


def test_unequal_shares_by_hand():
    """Shares 3/4 and 1/4 of four classes: 3/4 log 3 + 1/4 log 1."""
    found = scores([0] * 9 + [3] * 3, 4)
    assert found["modes"] == 2
    assert found["modes_kl"] == pytest.approx(0.75 * math.log(3))


def test_a_thousand_modes():
    """26,000 images drawn evenly reach all modes, and the divergence of the estimate is about (C - 1) / (2 N)."""
    drawn = np.random.default_rng(0).integers(0, 1000, 26_000)
    counts = class_counts(np.eye(1000, dtype=np.float32)[drawn])
    assert (counts > 0).sum() == 1000
    assert kl_to_uniform(counts) == pytest.approx(999 / 52_000, rel=0.1)


def test_names_have_no_reference_split():
    assert metric_name(PROTOCOL, "modes") == "modes12@classifier"
    assert metric_name(PROTOCOL, "modes_kl") == "modes_kl12@classifier"
