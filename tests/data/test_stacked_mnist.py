"""Stacked MNIST, made of a stand-in of MNIST."""

from __future__ import annotations

import numpy as np
import pytest

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.files import read_json
from sngan_repro.data.fetch import fetch
from sngan_repro.data.prepare import prepare
from sngan_repro.data.sources import source_info, stacked_mnist
from sngan_repro.data.sources.stacked_mnist import draws, stacked_labels


def spec(**values: object) -> DatasetSpec:
    return DatasetSpec.model_validate({"source": "stacked_mnist", "image_size": 28, **values})


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacked_mnist, "NUM_TRAIN", 40)
    monkeypatch.setattr(stacked_mnist, "NUM_TEST", 25)


def test_every_channel_is_a_digit_of_its_split(stand_in, small, tmp_path):
    made = stand_in("mnist")
    fetch("stacked_mnist", tmp_path / "downloads", download=True)
    assert (tmp_path / "downloads/mnist/source.json").exists()  # shared with the source mnist
    info = prepare(spec(), tmp_path / "downloads", tmp_path / "out")
    images, labels = np.load(tmp_path / "out/images.npy"), np.load(tmp_path / "out/labels.npy")
    assert images.shape == (65, 28, 28, 3)
    assert (info["num_train"], info["num_test"], len(info["classes"])) == (40, 25, 1000)
    for image, label, is_train in zip(images, labels, np.arange(65) < 40, strict=True):
        pool = range(6) if is_train else range(6, 9)
        digits = [
            next(made.labels[i] for i in pool if np.array_equal(made.images[i], image[:, :, channel]))
            for channel in range(3)
        ]
        assert label == 100 * int(digits[0]) + 10 * int(digits[1]) + int(digits[2])


def test_the_seed_decides(stand_in, small, tmp_path):
    stand_in("mnist")
    fetch("mnist", tmp_path / "downloads", download=True)
    digests = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        prepare(spec(split_seed=seed), tmp_path / "downloads", tmp_path / name)
        digests[name] = read_json(tmp_path / name / "dataset.json")["sha256"]
    assert digests["a"] == digests["b"] != digests["c"]


def test_draws_and_labels():
    chosen = draws(60_000, 128_000, 0, 0)
    assert chosen.shape == (128_000, 3)
    assert not np.array_equal(chosen[:26_000], draws(60_000, 26_000, 0, 1))
    assert stacked_labels(np.array([[1, 2, 3], [0, 0, 7]], np.uint8)).tolist() == [123, 7]


def test_what_is_known_before_it_is_loaded():
    info = source_info(spec())
    assert (info.num_train, info.num_test, info.num_classes, info.channels) == (128_000, 26_000, 1000, 3)
    assert info.fetched_as == "mnist"
    assert "downloads/mnist/MNIST/raw" in info.where_to_put
