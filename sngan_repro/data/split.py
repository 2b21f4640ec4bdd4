"""Seeded choices of images: a test split for images that have none, and a share of the training images."""

from __future__ import annotations

import numpy as np


def stratified_split(labels: np.ndarray, num_test: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (train, test), both shuffled, with the same shares of the classes in both.

    labels: int (N,). num_test: in [0, N]. A class with n images gives n * num_test / N test images, rounded down. The
    classes with the largest remainders give one more, until the sum is num_test; of equal remainders the lower label
    comes first, and a class that would lose its last image comes last. One permutation by ``Generator(PCG64(seed))``
    gives the order: the first images of each class are its test images.
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


def even_share(labels: np.ndarray, num: int, seed: int) -> np.ndarray:
    """Sorted indices of ``num`` images with the same shares of the classes as all; see :func:`stratified_split`.

    labels: int (N,); -1 for images without a class, which then count as one class.
    """
    return np.sort(stratified_split(labels, num, seed)[1])
