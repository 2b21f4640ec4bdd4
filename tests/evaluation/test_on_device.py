"""Scores are computed on the device of the real features, and each set of samples goes there once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.features import Features, KeptFeatures
from sngan_repro.evaluation.metrics import compute
from sngan_repro.evaluation.scores import frechet_distance, kernel_distance, precision_recall

PROTOCOL = ProtocolSpec(
    evaluator="classifier",
    metrics=("is", "fid", "kid", "precision", "recall"),
    num_fake=300,
    kid_subsets=5,
    kid_subset_size=100,
)


def features(num: int, seed: int, scale: float = 1.0) -> Features:
    rng = np.random.default_rng(seed)
    values = scale * rng.gamma(1.0, size=(num, 16)).astype(np.float32)
    return {"features": values, "logits": 3 * rng.standard_normal((num, 10), dtype=np.float32)}


def test_the_distance_of_gaussians_is_computed_on_the_device(monkeypatch):
    devices, gaussian = [], frechet_distance.gaussian

    def fitted(values, device="cpu"):
        devices.append(str(device))
        return gaussian(values)  # no other device is here

    monkeypatch.setattr(frechet_distance, "gaussian", fitted)
    protocol = PROTOCOL.model_copy(update={"metrics": ("fid",)})
    real = KeptFeatures(features(400, 0), "meta")
    found = [compute(protocol, features(300, seed), real)["fid"][0] for seed in (1, 2)]
    assert devices == ["meta"] * 3  # the real images once, and two sets of samples
    assert found == [compute(protocol, features(300, seed), features(400, 0))["fid"][0] for seed in (1, 2)]


def test_samples_go_to_the_device_once(monkeypatch):
    seen = []
    for module in (kernel_distance, precision_recall):

        def noted(given, device, values_on=module.values_on):
            seen.append(values_on(given, device))
            return seen[-1]

        monkeypatch.setattr(module, "values_on", noted)
    fake = features(300, 1)
    fake["features"] = np.asfortranarray(fake["features"])  # each way to a tensor is a copy
    compute(PROTOCOL, fake, KeptFeatures(features(400, 0)))
    samples = [values for values in seen if len(values) == 300]
    assert len(samples) == 2
    assert samples[0] is samples[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_scores_of_the_cpu():
    fake = features(300, 1, 1.1)
    there, here = (compute(PROTOCOL, fake, KeptFeatures(features(400, 0), device)) for device in ("cuda", "cpu"))
    for metric in ("is", "fid", "kid"):
        assert there[metric][0] == pytest.approx(here[metric][0], rel=1e-4), metric
    for metric in ("precision", "recall"):
        assert there[metric][0] == pytest.approx(here[metric][0], abs=0.01), metric
