import numpy as np
import pytest

from sngan_repro.evaluation.scores.confidence import confidence


def test_confidence_is_the_mean_of_the_largest_probability():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], dtype=np.float32))
    assert confidence(logits) == pytest.approx((0.5 + 0.8) / 2, abs=1e-6)
    assert confidence(np.array([[1000.0, 0.0]], np.float32)) == 1  # large logits do not overflow
    assert confidence(np.zeros((4, 10), np.float32)) == pytest.approx(0.1)
