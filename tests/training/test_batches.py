"""The stream of training images: on the device, or streamed from the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.interface import Batch
from sngan_repro.training import batches as module
from sngan_repro.training.batches import BatchStream, EpochBatches, ResidentBatches, StreamedBatches, make_batches

CPU = torch.device("cpu")
KINDS = [ResidentBatches, StreamedBatches]


def stream(kind=ResidentBatches, num: int = 10, batch_size: int = 4, seed: int = 1) -> BatchStream:
    images = np.arange(num, dtype=np.uint8).reshape(num, 1, 1, 1) * np.ones((1, 2, 2, 3), np.uint8)
    return kind(images, batch_size, seed, CPU)


def following(batches: BatchStream) -> Batch:
    batches.load()
    return batches.batch()


def indices(batch: Batch) -> list[int]:
    return ((batch.images[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_values_and_layout(kind):
    images = np.array([0, 255, 127, 128], dtype=np.uint8).reshape(4, 1, 1, 1)
    batch = following(kind(images, 4, 0, CPU)).images
    assert sorted(batch.flatten().tolist()) == pytest.approx([-1, -1 / 255, 1 / 255, 1], abs=1e-6)
    batch = following(stream(kind)).images
    assert batch.shape == (4, 3, 2, 2)
    assert batch.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_once_per_epoch_across_borders(kind):
    batches = stream(kind)
    seen = [i for _ in range(5) for i in indices(following(batches))]  # two epochs of ten
    assert sorted(seen[:10]) == list(range(10))
    assert sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


def test_order_depends_on_the_seed_only():
    one, same, other = stream(seed=1), stream(seed=1), stream(seed=2)
    orders = [[indices(following(batches)) for _ in range(5)] for batches in (one, same, other)]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("kind", KINDS)
def test_position_is_the_whole_state(kind):
    first = stream(kind)
    for _ in range(4):
        first.load()
    second = stream(kind)
    second.load()  # has read ahead from another position
    second.position = first.position
    for _ in range(9):
        assert indices(following(first)) == indices(following(second))


@pytest.mark.parametrize("kind", KINDS)
def test_batch_larger_than_the_dataset(kind):
    assert sorted(indices(following(stream(kind, num=3, batch_size=9)))) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_go_with_their_images(kind):
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    batches = kind(images, 4, 1, CPU, labels=np.arange(10) * 3, num_slots=2)
    for _ in range(4):
        batches.load()
        for slot in range(2):
            batch = batches.batch(slot)
            assert batch.labels.tolist() == [3 * index for index in indices(batch)]
    assert following(stream(kind)).labels is None


@pytest.mark.parametrize("num_slots", [1, 3])
def test_streamed_images_are_those_of_the_device_bit_for_bit(num_slots: int, tmp_path: Path):
    """Also while the reader is many updates ahead, across epochs, and after a jump back."""
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (37, 8, 8, 3), np.uint8))
    images, labels = np.load(tmp_path / "images.npy", mmap_mode="r"), np.arange(37) % 5
    resident, streamed = (kind(images, 4, 7, CPU, labels, num_slots) for kind in KINDS)
    for step in range(40):
        if step == 25:
            resident.position = streamed.position = 3 * num_slots * 4
        resident.load()
        streamed.load()
        assert resident.position == streamed.position
        for slot in range(num_slots):
            here, there = resident.batch(slot), streamed.batch(slot)
            assert torch.equal(here.images, there.images)
            assert torch.equal(here.labels, there.labels)


def test_large_images_are_streamed_unless_the_user_decides(monkeypatch):
    images = np.zeros((10, 4, 4, 1), np.uint8)
    assert isinstance(make_batches(images, 2, 0, CPU), ResidentBatches)
    assert isinstance(make_batches(images, 2, 0, CPU, streamed=True), StreamedBatches)
    monkeypatch.setattr(module, "RESIDENT_BYTES", images.nbytes - 1)
    assert isinstance(make_batches(images, 2, 0, CPU), StreamedBatches)
    assert isinstance(make_batches(images, 2, 0, CPU, streamed=False), ResidentBatches)
    gpu, share = torch.device("cuda", 0), module.RESIDENT_SHARE
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 5000))
    assert module.fits(int(1000 * share), gpu)
    assert not module.fits(int(1000 * share) + 1, gpu)


def test_a_smaller_last_batch_ends_each_epoch():
    batches = stream(EpochBatches)
    found = [indices(following(batches)) for _ in range(6)]
    assert [len(batch) for batch in found] == [4, 4, 2, 4, 4, 2]
    for epoch in (found[:3], found[3:]):
        assert sorted(index for batch in epoch for index in batch) == list(range(10))
    again = stream(EpochBatches)
    again.position = 18
    assert indices(following(again)) == found[5]


def test_a_smaller_last_batch_is_not_streamed():
    images = np.zeros((10, 2, 2, 1), np.uint8)
    assert isinstance(make_batches(images, 4, 0, CPU, smaller_last=True), EpochBatches)
    with pytest.raises(ConfigError, match="smaller_last_batch: needs all images"):
        make_batches(images, 4, 0, CPU, streamed=True, smaller_last=True)
