"""Preparing: right pixels, labels and description from every source, and nothing complete-looking after a fault."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from sngan_repro.config.records import read_json_record
from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.files import file_sha256
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData
from sngan_repro.data.fetch import fetch
from sngan_repro.data.prepare import ordered_map, prepare, to_array


def spec(source: str, image_size: int = 32, **values: object) -> DatasetSpec:
    return DatasetSpec.model_validate({"source": source, "image_size": image_size, **values})


@pytest.mark.parametrize(("source", "size"), [("mnist", 28), ("fashion_mnist", 28), ("cifar10", 32), ("cifar100", 32)])
def test_pixels_as_published(source, size, stand_in, tmp_path):
    """At the published size every byte and label arrives, train rows first."""
    made = stand_in(source)
    fetch(source, tmp_path / "downloads", download=True)
    info = prepare(spec(source, size), tmp_path / "downloads", tmp_path / "out")
    images = np.load(tmp_path / "out/images.npy")
    np.testing.assert_array_equal(images, made.images.reshape(images.shape))
    assert images.dtype == np.uint8
    labels = np.load(tmp_path / "out/labels.npy")
    np.testing.assert_array_equal(labels, made.labels)
    assert labels.dtype == np.int64
    assert (info["num_train"], info["num_test"]) == (made.num_train, len(made.labels) - made.num_train)
    assert info["preparation"] == "pixels as published"
    assert info["split"] == "as published"
    assert info["origin"]["how"] == "downloaded"
    assert info["origin"]["files"] == {k: hashlib.sha256(v).hexdigest() for k, v in made.raw.items()}


@pytest.mark.parametrize(
    ("split", "rows"), [("train", [0, 1]), ("unlabeled", [2, 3, 4]), ("train+unlabeled", [0, 1, 2, 3, 4])]
)
def test_stl10_splits(split, rows, stand_in, tmp_path):
    """The chosen part is the train split; the test split is always the published one."""
    made = stand_in("stl10")
    fetch("stl10", tmp_path / "downloads", download=True)
    info = prepare(spec("stl10", 96, split=split), tmp_path / "downloads", tmp_path / "out")
    rows = [*rows, 5, 6]
    np.testing.assert_array_equal(np.load(tmp_path / "out/images.npy"), made.images[rows])
    np.testing.assert_array_equal(np.load(tmp_path / "out/labels.npy"), made.labels[rows])
    assert (info["num_train"], info["num_test"]) == (len(rows) - 2, 2)
    assert info["classes"][9] == "truck"


def test_description(stand_in, tmp_path):
    stand_in("cifar10")
    fetch("cifar10", tmp_path / "downloads", download=True)
    dataset = spec("cifar10", 16, channels=1, resample="box")
    info = prepare(dataset, tmp_path / "downloads", tmp_path / "out")
    assert read_json_record(tmp_path / "out/dataset.json", "") == info
    assert info["spec"] == dataset.to_dict()
    assert info["spec_digest"] == dataset.digest()
    assert info["source_title"] == "CIFAR-10"
    assert info["image_shape"] == [1, 16, 16]
    assert info["classes"] == [f"class {k}" for k in range(10)]
    assert info["sha256"] == file_sha256(tmp_path / "out/images.npy")
    assert info["labels_sha256"] == file_sha256(tmp_path / "out/labels.npy")
    assert info["preparation"] == ("12 images converted to grey; 12 images resampled to 16 x 16 (PIL box, antialiased)")
    assert set(info["versions"]) == {"python", "numpy", "pillow", "scikit-learn"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dataset.json",
        "images.npy",
        "labels.npy",
        "verified.json",
    ]


def test_digits(tmp_path):
    """1,197 + 600 real scans, every one exactly once, ink 0..16 as 0..255."""
    info = prepare(spec("digits", 16), tmp_path, tmp_path / "out")
    data = PreparedData.open(tmp_path / "out", verify=True)
    assert (data.num("train"), data.num("test")) == (1197, 600)
    digits = load_digits()
    expected = [
        Image.fromarray(np.round(scan * 255 / 16).astype(np.uint8)).resize((16, 16), Image.Resampling.BICUBIC)
        for scan in digits.images
    ]
    labelled = [(np.asarray(image).tobytes(), int(label)) for image, label in zip(expected, digits.target, strict=True)]
    both = [(data.images(s), data.labels(s)) for s in ("train", "test")]
    found = [(x.tobytes(), int(y)) for images, labels in both for x, y in zip(images, labels, strict=True)]
    assert sorted(found) == sorted(labelled)
    assert np.bincount(data.labels("test")).tolist() == [59, 61, 59, 61, 61, 61, 60, 60, 58, 60]
    assert len(set(data.labels("train")[:20].tolist())) > 3  # shuffled, not by class
    assert info["split"] == "seeded: stratified by class, 600 test images, both splits shuffled, PCG64(0)"
    assert data.images("train").max() == 255


def test_split_seed_changes_the_split_and_nothing_else(tmp_path):
    first = prepare(spec("digits", 16), tmp_path, tmp_path / "a", workers=1)
    again = prepare(spec("digits", 16), tmp_path, tmp_path / "b", workers=3)
    other = prepare(spec("digits", 16, split_seed=1), tmp_path, tmp_path / "c")
    assert first == again
    assert (tmp_path / "a/images.npy").read_bytes() == (tmp_path / "b/images.npy").read_bytes()
    assert other["sha256"] != first["sha256"]
    a, c = (sorted(x.tobytes() for x in np.load(tmp_path / f"{name}/images.npy")) for name in "ac")
    assert a == c


def test_box_resampling_is_the_mean_of_each_square():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
    means = pixels.reshape(16, 2, 16, 2, 3).mean((1, 3))
    got, changes = to_array(Image.fromarray(pixels), 16, 3, "box")
    assert np.abs(got - means).max() <= 1  # PIL rounds once per direction
    assert changes.tolist() == [False, False, True]


def test_bicubic_is_antialiased():
    """Stripes one pixel wide vanish to their mean; picking pixels would keep them black or white."""
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    got, _ = to_array(Image.fromarray(stripes), 16, 1, "bicubic")
    assert np.abs(got[2:-2, 2:-2].astype(int) - 127).max() <= 6


def test_centre_crop_and_channels():
    pixels = np.zeros((20, 32, 3), np.uint8)
    pixels[:, 6:26] = (0, 255, 0)  # the centred square
    got, changes = to_array(Image.fromarray(pixels), 20, 3, "bicubic")
    assert changes.tolist() == [False, True, False]
    assert (got == (0, 255, 0)).all()
    grey, changes = to_array(Image.fromarray(pixels), 20, 1, "bicubic")
    assert changes.tolist() == [True, True, False]
    assert (grey == 150).all()  # ITU-R 601: 0.587 * 255 = 149.7
    rgb, _ = to_array(Image.fromarray(np.full((20, 20), 7, np.uint8)), 20, 3, "bicubic")
    assert rgb.shape == (20, 20, 3)
    assert (rgb == 7).all()


def test_ordered_map():
    assert list(ordered_map(lambda x: x * x, range(50), workers=3)) == [x * x for x in range(50)]
    started = []
    results = ordered_map(started.append, range(1000), workers=2)
    next(results)
    assert len(started) <= 6  # does not run ahead of the consumer
    results.close()
    assert len(started) <= 6

    def fail(x: int) -> int:
        if x == 7:
            raise ConfigError("seven")
        return x

    with pytest.raises(ConfigError, match="seven"):
        list(ordered_map(fail, range(50), workers=3))


def test_not_fetched(tmp_path):
    with pytest.raises(
        ConfigError, match=r"mnist: the source is not fetched yet; run `sngan-repro fetch --source mnist --downloads "
    ):
        prepare(spec("mnist"), tmp_path, tmp_path / "out")
    assert not (tmp_path / "out/dataset.json").exists()


def test_a_failed_preparation_does_not_leave_the_old_description(tmp_path):
    prepare(spec("digits", 16), tmp_path, tmp_path / "out")
    with pytest.raises(ConfigError, match="not fetched"):
        prepare(spec("mnist"), tmp_path, tmp_path / "out")
    with pytest.raises(ConfigError, match="no prepared dataset"):
        PreparedData.open(tmp_path / "out")


PROGRAM = """
import os, resource, sys
from pathlib import Path
from sngan_repro.core.schema import ConfigError
from sngan_repro.data import prepare as module
from sngan_repro.config.specs import DatasetSpec

out = Path(sys.argv[2])
if sys.argv[1] == "full":  # a real limit of the operating system, in the middle of images.npy
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
else:
    to_array, calls = module.to_array, []
    def killed(*arguments):
        calls.append(1)
        if len(calls) == 1000:
            os.kill(os.getpid(), 9)
        return to_array(*arguments)
    module.to_array = killed
try:
    module.prepare(DatasetSpec(source="digits", image_size=32), out, out)
except ConfigError as error:
    print(error)
"""


def run(kind: str, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM, kind, str(out)], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_full_disk(tmp_path):
    result = run("full", tmp_path / "out")
    assert "no space left" in result.stdout
    assert str(tmp_path / "out") in result.stdout
    assert result.stderr == ""
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
def test_kill(tmp_path):
    assert run("kill", tmp_path / "out").returncode == -9
    assert not [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")]
    prepare(spec("digits"), tmp_path, tmp_path / "out")
    assert PreparedData.open(tmp_path / "out", verify=True).num("train") == 1197
