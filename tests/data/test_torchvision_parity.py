"""Against torchvision: the same files, checksums and addresses, and the same images and labels read from them."""

from __future__ import annotations

import numpy as np
import pytest

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.data.fetch import fetch
from sngan_repro.data.prepare import prepare
from sngan_repro.data.sources import SOURCES


@pytest.fixture(scope="module")
def classes():
    """Source -> the class of torchvision, which takes seconds to import."""
    import torchvision.datasets as tv

    return {
        "mnist": tv.MNIST,
        "fashion_mnist": tv.FashionMNIST,
        "cifar10": tv.CIFAR10,
        "cifar100": tv.CIFAR100,
        "stl10": tv.STL10,
    }


@pytest.mark.parametrize("source", ["mnist", "fashion_mnist"])
def test_mnist_archives(source, classes):
    theirs = classes[source]
    archives = SOURCES.get(source).archives
    assert [(a.path.rsplit("/", 1)[1], a.md5) for a in archives] == theirs.resources
    for archive in archives:
        assert archive.path.startswith(f"{theirs.__name__}/raw/")
        assert archive.urls == tuple(mirror + archive.path.rsplit("/", 1)[1] for mirror in theirs.mirrors)
    assert SOURCES.get("fashion_mnist").classes == tuple(classes["fashion_mnist"].classes)


@pytest.mark.parametrize("source", ["cifar10", "cifar100", "stl10"])
def test_single_archives(source, classes):
    theirs = classes[source]
    (archive,) = SOURCES.get(source).archives
    assert (archive.path, archive.md5, archive.urls) == (theirs.filename, theirs.tgz_md5, (theirs.url,))
    expected = [*theirs.train_list, *theirs.test_list]
    if source != "stl10":
        expected.append([theirs.meta["filename"], theirs.meta["md5"]])
    assert [[f.path, f.md5] for f in archive.files] == [[f"{theirs.base_folder}/{n}", m] for n, m in expected]


@pytest.mark.parametrize("source", ["mnist", "cifar10", "cifar100", "stl10"])
def test_same_images(source, stand_in, classes, tmp_path, monkeypatch):
    """Both read the same staged files; torchvision's own checksums are set aside, as ours are."""
    stand_in(source)
    fetch(source, tmp_path, download=True)
    theirs = classes[source]
    if source != "mnist":
        monkeypatch.setattr(theirs, "_check_integrity", lambda self: True)
    if source.startswith("cifar"):
        monkeypatch.setattr(theirs, "meta", {**theirs.meta, "md5": None})
    size = {"mnist": 28, "stl10": 96}.get(source, 32)
    split = "train+unlabeled" if source == "stl10" else None
    info = prepare(DatasetSpec(source=source, image_size=size, split=split), tmp_path, tmp_path / "out")
    root = tmp_path / source
    if source == "stl10":
        splits = [theirs(root, split="train+unlabeled"), theirs(root, split="test")]
    else:
        splits = [theirs(root, train=True), theirs(root, train=False)]
    assert info["num_train"] == len(splits[0])
    pairs = [pair for part in splits for pair in part]
    images = np.load(tmp_path / "out/images.npy")
    np.testing.assert_array_equal(images, np.stack([np.asarray(x).reshape(images.shape[1:]) for x, _ in pairs]))
    np.testing.assert_array_equal(np.load(tmp_path / "out/labels.npy"), [label for _, label in pairs])
    if source.startswith("cifar"):
        assert info["classes"] == splits[0].classes
