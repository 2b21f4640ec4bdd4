"""Stacked MNIST: three random MNIST digits as red, green and blue, 1000 classes (Metz et al. 2017, section 3.3.1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.data.sources.base import SOURCES
from sngan_repro.data.sources.mnist import MNIST, read_idx_files

if TYPE_CHECKING:
    import numpy as np

    from sngan_repro.data.raw import RawImages

NUM_TRAIN, NUM_TEST = 128_000, 26_000
"""Images of each split. 26,000 is the usual number of samples in which modes are counted (Lin et al. 2018)."""


@SOURCES.register("stacked_mnist")
class StackedMNIST(MNIST):
    """Training images are made of MNIST's training images, test images of its test images, drawn with replacement."""

    name = "stacked_mnist"
    title = "Stacked MNIST"
    citation = "lecun1998, metz2017"
    files_of = "mnist"
    channels = 3
    num_train = NUM_TRAIN
    num_test = NUM_TEST
    num_classes = 1000
    classes = tuple(f"{number:03d}" for number in range(1000))
    uses = ("split_seed",)

    @classmethod
    def open(cls, spec: DatasetSpec, folder: Path) -> RawImages:
        import numpy as np
        from PIL import Image

        from sngan_repro.data.raw import RawImages

        train, train_labels, test, test_labels = read_idx_files(folder, cls.archives)
        digits, classes = (train, test), (train_labels, test_labels)
        sizes = (NUM_TRAIN, NUM_TEST)
        drawn = [draws(len(digits[split]), sizes[split], spec.split_seed, split) for split in (0, 1)]
        labels = [stacked_labels(own[rows]) for own, rows in zip(classes, drawn, strict=True)]

        def read(index: int) -> Image.Image:
            split, row = (0, index) if index < NUM_TRAIN else (1, index - NUM_TRAIN)
            return Image.fromarray(np.stack([digits[split][number] for number in drawn[split][row]], axis=-1))

        return RawImages(
            labels=np.concatenate(labels),
            num_train=NUM_TRAIN,
            classes=list(cls.classes),
            channels=3,
            split=f"made of MNIST's train and test images, three drawn for each, PCG64([{spec.split_seed}, split])",
            read=read,
            origin=dict,
        )


def draws(num_digits: int, num_images: int, seed: int, split: int) -> np.ndarray:
    """Indices of the red, green and blue digit of each image: int64 (num_images, 3), with replacement.

    split: 0 for training, 1 for test.
    """
    import numpy as np

    random = np.random.Generator(np.random.PCG64([seed, split]))
    return random.integers(0, num_digits, (num_images, 3))


def stacked_labels(digits: np.ndarray) -> np.ndarray:
    """Classes of the three digits, uint8 (N, 3) -> 100 red + 10 green + blue, int64 (N,)."""
    import numpy as np

    return digits.astype(np.int64) @ np.array([100, 10, 1])
