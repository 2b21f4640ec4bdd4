import numpy as np
import pytest
import torch
from evaluate_support import clouds
from torch_fidelity.metric_kid import kid_features_to_metric

from sngan_repro.evaluation.features import KeptFeatures
from sngan_repro.evaluation.scores import kernel_distance as module
from sngan_repro.evaluation.scores.kernel_distance import kernel_distance


def by_torch_fidelity(fake, real, dtype):
    found = kid_features_to_metric(
        *(torch.from_numpy(x.astype(dtype)) for x in (fake, real)),
        kid_subsets=12,
        kid_subset_size=100,
        rng_seed=2023,
        verbose=False,
    )
    return found["kernel_inception_distance_mean"], found["kernel_inception_distance_std"]


@pytest.mark.parametrize("dimension", [16, 300])
def test_equal_to_torch_fidelity_and_nearer_to_float64(dimension):
    fake, real = clouds(300, 400, dimension)
    found = kernel_distance({"features": fake}, {"features": real}, 12, 100, 2023)
    exact = by_torch_fidelity(fake, real, np.float64)
    assert found == pytest.approx(exact, rel=2e-6)
    assert found == pytest.approx(by_torch_fidelity(fake, real, np.float32), rel=1e-4)


def test_what_depends_on_real_images_alone_is_kept(monkeypatch):
    fake, real = clouds(150, 200, 8)
    other = fake[::-1].copy() * 1.1
    plain = [kernel_distance({"features": x}, {"features": real}, 5, 50, 1) for x in (fake, other)]
    kept, calls = KeptFeatures({"features": real}), []
    within = module.sums_within
    monkeypatch.setattr(module, "sums_within", lambda *given: calls.append(1) or within(*given))
    assert [kernel_distance({"features": x}, kept, 5, 50, 1) for x in (fake, other)] == plain
    assert len(calls) == 1
    # another seed, number or size of subsets, or another number of images, is another draw
    for given in ((5, 50, 2), (6, 50, 1), (5, 40, 1)):
        expected = kernel_distance({"features": fake}, {"features": real}, *given)
        assert kernel_distance({"features": fake}, kept, *given) == expected != plain[0]
    fewer = {"features": fake[:120]}
    assert kernel_distance(fewer, kept, 5, 50, 1) == kernel_distance(fewer, {"features": real}, 5, 50, 1)
