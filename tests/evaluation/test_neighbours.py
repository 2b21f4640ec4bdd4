"""Nearest images, the size of pixels, the measure of memorisation, and the longest step of an interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from sngan_repro.evaluation import neighbours
from sngan_repro.evaluation.gallery import longest_step
from sngan_repro.evaluation.neighbours import nearer_share, nearest, small_pixels


def test_nearest_by_hand():
    others = torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]])
    found = nearest(torch.tensor([[0.0, 0.0], [3.0, 3.0]]), others, 2)
    assert found.indices.tolist() == [[0, 2], [1, 2]]
    np.testing.assert_allclose(found.distances, [[0, 1], [1, 13**0.5]])


@pytest.mark.parametrize("block", [2**24, 64])
def test_nearest_against_all_distances(block, monkeypatch):
    """In float64 from differences, over blocks of rows; also for copies, whose distance is exactly 0."""
    monkeypatch.setattr(neighbours, "BLOCK_VALUES", block)
    torch.manual_seed(0)
    others, queries = torch.randn(40, 7) + 100, torch.randn(23, 7) + 100
    queries[5] = others[11]
    found = nearest(queries, others, 3)
    every = np.linalg.norm(queries.double().numpy()[:, None] - others.double().numpy()[None], axis=2)
    assert (found.indices == every.argsort(axis=1)[:, :3]).all()
    np.testing.assert_allclose(found.distances, np.sort(every, axis=1)[:, :3], rtol=1e-12)
    assert found.indices[5, 0] == 11
    assert found.distances[5, 0] == 0


def test_equal_distances_are_in_the_order_of_the_images():
    found = nearest(torch.zeros(1, 2), torch.tensor([[1.0, 0], [0, 1], [1, 0], [5, 5]]), 3)
    assert found.indices.tolist() == [[0, 1, 2]]


def test_large_images_are_averaged_and_small_ones_kept():
    images = np.zeros((2, 4, 4, 1), np.uint8)
    images[0, :2, :2, 0] = [[0, 100], [100, 200]]
    assert small_pixels(images, 2)[0].mul(255).tolist() == pytest.approx([100, 0, 0, 0])
    assert small_pixels(images, 4).shape == (2, 16)
    assert small_pixels(images, 32).shape == (2, 16)
    assert torch.equal(small_pixels(torch.from_numpy(images), 2), small_pixels(images, 2))


def test_nearer_share_by_hand():
    """Pairs (1, 2), (1, 4), (3, 2), (3, 4): nearer in three of four; an equal pair counts half."""
    assert nearer_share(np.array([1.0, 3.0]), np.array([2.0, 4.0])) == 0.75
    assert nearer_share(np.array([2.0]), np.array([2.0])) == 0.5
    assert nearer_share(np.zeros(3), np.ones(4)) == 1
    assert nearer_share(np.full(3, 9.0), np.ones(4)) == 0


def test_nearer_share_is_the_statistic_of_mann_and_whitney():
    random = np.random.default_rng(0)
    samples, held_out = random.integers(0, 20, 50).astype(float), random.integers(0, 20, 70).astype(float)
    u = scipy.stats.mannwhitneyu(held_out, samples).statistic
    assert nearer_share(samples, held_out) == pytest.approx(u / (50 * 70), rel=1e-12)


def test_longest_step():
    """Steps 1, 1, 4 and 2, 2, 2: the ratios are 4 and 1."""
    ways = np.array([[[0.0], [1.0], [2.0], [6.0]], [[0.0], [2.0], [4.0], [6.0]]])
    assert longest_step(ways) == 4
    assert longest_step(ways[1:]) == 1
    assert longest_step(np.zeros((2, 5, 3))) is None
