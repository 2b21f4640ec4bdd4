"""Opening a prepared dataset: what it gives, and every way in which a folder can be wrong."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sngan_repro.core import verified
from sngan_repro.core.files import file_sha256, read_json, write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """5 train and 2 test images, 4 x 3 RGB; pixel values depend on the row."""
    images = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 3, 3), np.uint8)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", np.array([0, 1, 0, 1, -1, 1, 0]))
    info = {
        "num_train": 5,
        "num_test": 2,
        "image_shape": [3, 4, 3],
        "classes": ["cat", "dog"],
        "sha256": file_sha256(tmp_path / "images.npy"),
        "labels_sha256": file_sha256(tmp_path / "labels.npy"),
    }
    write_json(tmp_path / "dataset.json", info)
    return tmp_path


def test_open(folder):
    data = PreparedData.open(folder, verify=True)
    assert data.image_shape == (3, 4, 3)
    assert data.classes == ["cat", "dog"]
    assert (data.num("train"), data.num("test")) == (5, 2)
    assert data.images("train").shape == (5, 4, 3, 3)
    assert data.images("train")[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert data.images("test")[:, 0, 0, 0].tolist() == [5, 6]
    assert data.labels("train").tolist() == [0, 1, 0, 1, -1]
    assert data.labels("test").tolist() == [1, 0]
    assert data.sha256 == file_sha256(folder / "images.npy")
    assert data.info == read_json(folder / "dataset.json")
    with pytest.raises(ValueError, match="'valid': expected 'train' or 'test'"):
        data.images("valid")
    with pytest.raises(ValueError, match="read-only"):
        data.images("train")[0] = 0


@pytest.mark.parametrize("verify", [False, True])
def test_changed_byte_is_found(verify, folder):
    body = bytearray((folder / "images.npy").read_bytes())
    body[-1] ^= 1
    (folder / "images.npy").write_bytes(body)
    with pytest.raises(ConfigError, match=r"images\.npy has changed: its checksum.*delete the folder and run again"):
        PreparedData.open(folder, verify=verify)


def test_an_edit_in_place_is_found_also_if_its_time_is_put_back(folder):
    path = folder / "images.npy"
    PreparedData.open(folder)  # the checksum is now known
    before = path.stat()
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\xff")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_ino) == (before.st_size, before.st_ino)
    with pytest.raises(ConfigError, match=r"images\.npy has changed"):
        PreparedData.open(folder)


def test_an_unchanged_file_is_not_read_again(folder, monkeypatch):
    PreparedData.open(folder)
    monkeypatch.setattr(verified, "file_sha256", lambda path: pytest.fail(f"{path} is read again"))
    PreparedData.open(folder)
    with pytest.raises(pytest.fail.Exception):
        PreparedData.open(folder, verify=True)


def test_changed_label_is_found(folder):
    np.save(folder / "labels.npy", np.zeros(7, np.int64))
    with pytest.raises(ConfigError, match=r"labels\.npy has changed: its checksum"):
        PreparedData.open(folder)


def _rewrite(folder: Path, **changes: object) -> None:
    write_json(folder / "dataset.json", read_json(folder / "dataset.json") | changes)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "dataset.json").unlink(), "no prepared dataset"),
        (lambda f: (f / "dataset.json").write_text("{"), "not JSON"),
        (lambda f: (f / "dataset.json").write_text("[]"), "a mapping is needed"),
        (lambda f: (f / "dataset.json").write_text('{"num_train": 1}'), "num_test: this key is required"),
        (lambda f: (f / "images.npy").unlink(), r"images\.npy cannot be read.*delete the folder"),
        (lambda f: (f / "images.npy").write_bytes((f / "images.npy").read_bytes()[:-1]), "cannot be read"),
        (lambda f: (f / "labels.npy").write_bytes(b""), r"labels\.npy cannot be read"),
        (lambda f: _rewrite(f, num_train=6), r"images\.npy is uint8 \(7, 4, 3, 3\), expected uint8 \(8, 4, 3, 3\)"),
        (lambda f: _rewrite(f, image_shape=[3, 3, 4]), r"images\.npy is"),
        (lambda f: np.save(f / "labels.npy", np.zeros(7, np.int32)), r"labels\.npy is int32 \(7,\), expected int64"),
        (lambda f: np.save(f / "images.npy", np.zeros((7, 4, 3, 3))), r"images\.npy is float64"),
        (lambda f: np.save(f / "labels.npy", np.array([None])), r"labels\.npy cannot be read"),
    ],
)
def test_spoilt_folder(folder, spoil, message):
    spoil(folder)
    with pytest.raises(ConfigError, match=message) as caught:
        PreparedData.open(folder)
    assert str(folder) in str(caught.value)
