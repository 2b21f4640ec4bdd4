"""STL-10 (Coates, Lee and Ng 2011), the binary version: 96 x 96 RGB images, 100,000 of them without a label."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources.base import SOURCES, Archive, RawFile, Source

if TYPE_CHECKING:
    import numpy as np

    from sngan_repro.data.raw import RawImages

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


@SOURCES.register("stl10")
class STL10(Source):
    name = "stl10"
    title = "STL-10"
    citation = "coates2011"
    channels = 3
    num_test = 8_000
    num_classes = 10
    uses = ("split",)
    splits = {"train": 5_000, "unlabeled": 100_000, "train+unlabeled": 105_000}
    unlabelled_splits = ("unlabeled", "train+unlabeled")
    archives = (
        Archive(
            path="stl10_binary.tar.gz",
            md5="91f7769df0f17e558f3565bffb0c7dfb",
            urls=("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
            files=(
                RawFile("stl10_binary/train_X.bin", "918c2871b30a85fa023e0c44e0bee87f"),
                RawFile("stl10_binary/train_y.bin", "5a34089d4802c674881badbb80307741"),
                RawFile("stl10_binary/unlabeled_X.bin", "5242ba1fed5e4be9e1e742405eb56ca4"),
                RawFile("stl10_binary/test_X.bin", "7f263ba9f9e0b06b93213547f721ac82"),
                RawFile("stl10_binary/test_y.bin", "36f9794fa4beb8a2c72628de14fa638e"),
            ),
        ),
    )

    @classmethod
    def open(cls, spec: DatasetSpec, folder: Path) -> RawImages:
        """The chosen part is the train split (label -1 without a label), the published test set is the test split."""
        import numpy as np

        from sngan_repro.data.raw import from_arrays

        parts, labels = [], []
        for name in (*(spec.split or "train").split("+"), "test"):
            part = read_planes(folder / f"stl10_binary/{name}_X.bin")
            parts.append(part)
            if name == "unlabeled":
                labels.append(np.full(len(part), -1, np.int64))
            else:  # stored from 1
                labels.append(np.fromfile(folder / f"stl10_binary/{name}_y.bin", np.uint8).astype(np.int64) - 1)
        return from_arrays(
            parts,
            labels=np.concatenate(labels),
            num_train=sum(len(part) for part in parts[:-1]),
            classes=list(CLASSES),
            split=f"as published: trained on '{spec.split}'",
        )


def read_planes(path: Path) -> np.ndarray:
    """The images of one file, mapped into memory: uint8 (N, 96, 96, 3). The file has planes, column by column."""
    import numpy as np

    if path.stat().st_size % (3 * 96 * 96):
        raise ConfigError(f"{path}: truncated, its length is no multiple of an image's {3 * 96 * 96} bytes")
    return np.memmap(path, np.uint8, mode="r").reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)
