"""The stream of training images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sngan_repro.nets.interface import Batch
from sngan_repro.training.batches import BatchStream

CPU = torch.device("cpu")


def stream(num: int = 10, batch_size: int = 4, seed: int = 1) -> BatchStream:
    images = np.arange(num, dtype=np.uint8).reshape(num, 1, 1, 1) * np.ones((1, 2, 2, 3), np.uint8)
    return BatchStream(images, batch_size, seed, CPU)


def indices(batch: Batch) -> list[int]:
    return ((batch.images[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def test_values_and_layout():
    images = np.array([0, 255, 127, 128], dtype=np.uint8).reshape(4, 1, 1, 1)
    batch = next(BatchStream(images, 4, 0, CPU)).images
    assert sorted(batch.flatten().tolist()) == pytest.approx([-1, -1 / 255, 1 / 255, 1], abs=1e-6)
    batch = next(stream()).images
    assert batch.shape == (4, 3, 2, 2)
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_every_image_once_per_epoch_across_borders():
    batches = stream()
    seen = [i for _ in range(5) for i in indices(next(batches))]  # two epochs of ten
    assert sorted(seen[:10]) == list(range(10))
    assert sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


def test_order_depends_on_the_seed_only():
    assert indices(next(stream(seed=1))) == indices(next(stream(seed=1)))
    assert [indices(next(s)) for s in [stream(seed=2)] * 3] != [indices(next(s)) for s in [stream(seed=1)] * 3]


def test_position_is_the_whole_state():
    first = stream()
    for _ in range(4):
        next(first)
    second = stream()
    second.position = first.position
    for _ in range(4):
        assert indices(next(first)) == indices(next(second))


def test_batch_larger_than_the_dataset():
    assert sorted(indices(next(stream(num=3, batch_size=9)))) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_labels_go_with_their_images():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    batches = BatchStream(images, 4, 1, CPU, labels=np.arange(10) * 3)
    for _ in range(4):
        batch = next(batches)
        assert batch.labels.tolist() == [3 * index for index in indices(batch)]
    assert next(stream()).labels is None
