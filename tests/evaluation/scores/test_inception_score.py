import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from sngan_repro.evaluation.scores.inception_score import inception_score


@pytest.mark.parametrize(("num", "splits", "seed"), [(100, 10, 2020), (97, 4, 5), (50, 1, 0)])
def test_inception_score_is_torch_fidelitys(num, splits, seed):
    logits = (np.random.default_rng(seed).standard_normal((num, 12)) * 4).astype(np.float32)
    theirs = isc_features_to_metric(torch.from_numpy(logits), splits, shuffle=True, rng_seed=seed)
    found = inception_score(logits, splits, seed)
    assert found == pytest.approx((theirs["inception_score_mean"], theirs["inception_score_std"]), rel=1e-12)
