import numpy as np
import pytest
import torch
from evaluate_support import clouds
from torch_fidelity.metric_prc import prc_features_to_metric

from sngan_repro.evaluation.features import KeptFeatures
from sngan_repro.evaluation.scores import precision_recall as module
from sngan_repro.evaluation.scores.precision_recall import precision_recall, squared_radii


def by_torch_fidelity(fake, real):
    found = prc_features_to_metric(torch.from_numpy(fake), torch.from_numpy(real), verbose=False)
    return {"precision": found["precision"], "recall": found["recall"]}


def ours(fake, real, radii=None):
    return precision_recall({"features": fake}, KeptFeatures({"features": real}, radii=radii))


@pytest.mark.parametrize(("num_fake", "num_real", "dimension"), [(500, 900, 32), (700, 400, 300), (90, 70, 7)])
@pytest.mark.parametrize("block", [(512, 4096), (64, 128)])
def test_equal_to_torch_fidelity(monkeypatch, num_fake, num_real, dimension, block):
    monkeypatch.setattr(module, "BLOCK", {"cpu": block})
    fake, real = clouds(num_fake, num_real, dimension)
    found = ours(fake, real)
    assert found == pytest.approx(by_torch_fidelity(fake, real), abs=1e-7)  # theirs are means in float32
    assert 0.05 < found["precision"] < 1
    assert 0.05 < found["recall"] < 1


def test_fifty_distinct_images_repeated():
    """Every ball of the repeated images has shrunk to a point, so no real image is recalled."""
    fake, real = clouds(50, 600, 32)
    fake = np.tile(fake, (8, 1))
    found = ours(fake, real)
    assert found["recall"] == 0 == by_torch_fidelity(fake, real)["recall"]
    assert found["precision"] == pytest.approx(by_torch_fidelity(fake, real)["precision"], abs=1e-7)


def test_radii_by_hand(monkeypatch):
    """Points 0, 1, 3, 6, 10 on a line: the third nearest of the others."""
    points = np.array([[0.0], [1.0], [3.0], [6.0], [10.0]], np.float32)
    assert squared_radii(points).tolist() == [36, 25, 9, 25, 81]
    monkeypatch.setattr(module, "BLOCK", {"cpu": (2, 2)})
    assert squared_radii(points).tolist() == [36, 25, 9, 25, 81]


@pytest.mark.parametrize("count", [1, 4, 7])
@pytest.mark.parametrize("total", [3, 16, 64, 65, 500])
def test_smallest_are_those_of_a_full_sort(count, total):
    values = torch.from_numpy(np.random.default_rng(0).integers(0, 60, (20, total)).astype(np.float32))  # with ties
    expected = values.sort(dim=1).values[:, :count]
    assert torch.equal(module.smallest(values, count).sort(dim=1).values, expected)


def test_radii_given_are_used_and_computed_ones_kept(monkeypatch):
    fake, real = clouds(100, 120, 20)
    expected = ours(fake, real)
    assert ours(fake, real, squared_radii(real)) == expected
    assert ours(fake, real, np.zeros(len(real), np.float32))["precision"] == 0
    kept = KeptFeatures({"features": real})
    calls = []
    radii = module.neighbour_distances
    monkeypatch.setattr(
        module, "neighbour_distances", lambda values, own: calls.append(len(values)) or radii(values, own)
    )
    for _ in range(2):
        assert precision_recall({"features": fake}, kept) == expected
    assert calls == [120, 100, 100]  # the real ones once, the generated ones each time


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e30])
def test_not_finite(broken):
    fake, real = clouds(20, 20, 3)
    fake[3, 1] = broken
    assert all(np.isnan(value) for value in ours(fake, real).values())
