"""Near-duplicates, by hand; both plain measures in a protocol."""

import numpy as np
import pytest

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.metrics import compute
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.scores.duplicates import distances, near_duplicates


def features(values):
    return {"features": np.asarray(values, dtype=np.float32), "logits": np.zeros((len(values), 3), np.float32)}


def test_distances_by_hand():
    assert distances(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).tolist() == pytest.approx([5, 1, 18**0.5])


def test_near_duplicates_of_the_real_law_itself_are_one_percent():
    random = np.random.default_rng(0)
    real, fake = (features(random.standard_normal((1500, 8))) for _ in range(2))
    assert near_duplicates(fake, real, seed=0) == pytest.approx(0.01, abs=0.002)


def test_repeated_samples_are_near_duplicates():
    random = np.random.default_rng(1)
    real = features(random.standard_normal((500, 8)))
    distinct = random.standard_normal((10, 8)) * 50
    fake = features(np.tile(distinct, (20, 1)))  # 10 samples, 20 times each: 10 * C(20, 2) of C(200, 2) pairs
    assert near_duplicates(fake, real, seed=0) == pytest.approx(10 * 190 / (200 * 199 / 2))


def test_a_protocol_may_list_them():
    random = np.random.default_rng(2)
    real, fake = (features(random.standard_normal((300, 8))) for _ in range(2))
    protocol = ProtocolSpec(evaluator="classifier", num_fake=300, metrics=("confidence", "duplicates"))
    assert metric_names(protocol) == {
        "confidence": "confidence300@classifier",
        "duplicates": "duplicates300_train@classifier",
    }
    found = compute(protocol, fake, real)
    assert found["confidence"] == (pytest.approx(1 / 3), None, None)
    assert 0 < found["duplicates"][0] < 0.05
    assert "confidence" not in ProtocolSpec(evaluator="classifier", num_fake=1000).metrics
