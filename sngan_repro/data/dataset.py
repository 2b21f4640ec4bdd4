"""A prepared dataset, mapped into memory. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sngan_repro.core.schema import ConfigError
from sngan_repro.core.verified import has_sha256
from sngan_repro.data.npy import map_npy
from sngan_repro.data.record import read_dataset

Split = Literal["train", "test"]


@dataclass(frozen=True)
class PreparedData:
    """The arrays and the description in a folder written by ``prepare``."""

    folder: Path
    info: dict[str, Any]
    """dataset.json"""
    _images: np.ndarray
    _labels: np.ndarray

    @classmethod
    def open(cls, folder: Path, verify: bool = False) -> PreparedData:
        """Map the images into memory and check that the files agree, also with the checksums in dataset.json.

        verify: compute the checksums in any case, not only of files that may have changed since the last time.
        Raises ConfigError if the folder is incomplete or a file does not agree with dataset.json.
        """
        if not (folder / "dataset.json").exists():
            raise ConfigError(f"{folder}: no prepared dataset (dataset.json is missing); run again to prepare it")
        info = read_dataset(folder)
        images, labels = _load(folder, "images.npy"), _load(folder, "labels.npy")
        channels, height, width = info["image_shape"]
        num = info["num_train"] + info["num_test"]
        for name, array, shape, dtype in (
            ("images.npy", images, (num, height, width, channels), np.uint8),
            ("labels.npy", labels, (num,), np.int64),
        ):
            if array.shape != shape or array.dtype != dtype:
                found = f"{array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}"
                raise _damaged(folder, f"{name} is {found}")
        for name, key in (("images.npy", "sha256"), ("labels.npy", "labels_sha256")):
            if not has_sha256(folder / name, info[key], anew=verify):
                raise _damaged(folder, f"{name} has changed: its checksum is not the one in dataset.json")
        return cls(folder, info, images, labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)"""
        channels, height, width = self.info["image_shape"]
        return channels, height, width

    @property
    def classes(self) -> list[str] | None:
        """The names of the classes, or None if the images have none."""
        return self.info["classes"]

    @property
    def sha256(self) -> str:
        """SHA-256 of images.npy. It identifies the images in caches of results."""
        return self.info["sha256"]

    def num(self, split: Split) -> int:
        """The number of images in a split."""
        rows = self._rows(split)
        return rows.stop - rows.start

    def images(self, split: Split) -> np.ndarray:
        """uint8 (n, H, W, C), mapped from the file, read-only."""
        return self._images[self._rows(split)]

    def labels(self, split: Split) -> np.ndarray:
        """int64 (n,): index into ``classes``, -1 for an image without a label."""
        return self._labels[self._rows(split)]

    def _rows(self, split: str) -> slice:
        if split not in ("train", "test"):
            raise ValueError(f"split '{split}': expected 'train' or 'test'")
        num_train = self.info["num_train"]
        return slice(0, num_train) if split == "train" else slice(num_train, num_train + self.info["num_test"])


def _load(folder: Path, name: str) -> np.ndarray:
    try:
        return map_npy(folder / name)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(folder, f"{name} cannot be read: {error}") from None


def _damaged(folder: Path, what: str) -> ConfigError:
    return ConfigError(f"{folder}: {what}; delete the folder and run again")
