"""Setting images aside as a test split, the same for everyone who uses the same seed."""

from __future__ import annotations

import numpy as np


def stratified_split(labels: np.ndarray, num_test: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (train, test), both shuffled, every class represented in the test split by its share.

    labels: int (N,). num_test: 0 <= num_test <= N. A class with n of the N images gives n * num_test / N of them,
    rounded down, and the largest remainders one more (the lower label first among equals), so that the sum is
    exact; classes whose last image this would take come last. One permutation by ``Generator(PCG64(seed))``
    decides: each class's first in it are test images.
    """
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(labels))
    values, counts = np.unique(labels, return_counts=True)
    quota, remainder = np.divmod(counts * num_test, len(labels))
    preferred = np.lexsort((-remainder, quota + 1 >= counts))  # the last key counts most; ties keep their order
    quota[preferred[: num_test - quota.sum()]] += 1
    is_test = np.zeros(len(labels), bool)
    for value, count in zip(values, quota, strict=True):
        is_test[order[labels[order] == value][:count]] = True
    return order[~is_test[order]], order[is_test[order]]
