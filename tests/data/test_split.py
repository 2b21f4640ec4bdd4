"""The stratified split against quotas computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sngan_repro.data.split import stratified_split


def test_quotas_by_largest_remainder():
    # scikit-learn's digits: counts * 600 / 1797 = 59.43 60.77 59.10 61.10 60.43 60.77 60.43 59.77 58.10 60.10;
    # rounded down they sum to 596; the four largest remainders are those of 1, 5, 7 and then 4 (before 6, equal)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    labels = np.repeat(np.arange(10), counts)
    _, test = stratified_split(labels, 600, seed=0)
    assert np.bincount(labels[test]).tolist() == [59, 61, 59, 61, 61, 61, 60, 60, 58, 60]


@pytest.mark.parametrize("num_test", [0, 1, 5, 20])
def test_a_partition(num_test):
    labels = np.array([0] * 12 + [1] * 8)
    train, test = stratified_split(labels, num_test, seed=3)
    assert len(test) == num_test
    assert sorted([*train, *test]) == list(range(20))


def test_seeds():
    labels = np.zeros(100, int)
    a, b, other = (stratified_split(labels, 30, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])
    assert set(a[1]) != set(other[1])
    order = np.random.Generator(np.random.PCG64(1)).permutation(100)  # the documented rule
    np.testing.assert_array_equal(a[1], order[:30])
    np.testing.assert_array_equal(a[0], order[30:])


def test_last_image_of_a_class_stays_in_train():
    labels = np.array([0] * 3 + [1, 2, 3])  # classes of one image have the largest remainders
    train, test = stratified_split(labels, 2, seed=0)
    assert labels[test].tolist() == [0, 0]
    assert sorted(labels[train]) == [0, 1, 2, 3]
    labels = np.array([0] * 10 + [1, 2])
    train, test = stratified_split(labels, 6, seed=0)
    assert set(labels[test]) == {0}
    assert set(labels[train]) == {0, 1, 2}
