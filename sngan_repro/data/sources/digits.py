"""The handwritten digits that come with scikit-learn: 1,797 scans of 8 x 8 pixels (Alpaydin and Kaynak, UCI 1998)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.data.sources.base import SOURCES, Source

if TYPE_CHECKING:
    from sngan_repro.data.raw import RawImages

NUM_TEST = 600


@SOURCES.register("digits")
class Digits(Source):
    name = "digits"
    title = "Digits (scikit-learn)"
    citation = "alpaydin1998, pedregosa2011"
    channels = 1
    num_train = 1797 - NUM_TEST
    num_test = NUM_TEST
    num_classes = 10
    uses = ("split_seed",)

    @classmethod
    def where_to_put(cls) -> str:
        return "nothing to put anywhere: part of scikit-learn"

    @classmethod
    def open(cls, spec: DatasetSpec, folder: Path) -> RawImages:
        """Grey levels 0..16 are scaled to 0..255. A seeded stratified permutation gives 600 images as test split."""
        import numpy as np
        import sklearn
        from sklearn.datasets import load_digits

        from sngan_repro.core.files import file_sha256
        from sngan_repro.data.raw import from_arrays
        from sngan_repro.data.split import stratified_split

        digits = load_digits()
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)
        labels = digits.target.astype(np.int64)
        train, test = stratified_split(labels, NUM_TEST, spec.split_seed)
        table = Path(sklearn.__file__).parent / "datasets" / "data" / "digits.csv.gz"
        return from_arrays(
            [images[train], images[test]],
            labels=np.concatenate([labels[train], labels[test]]),
            num_train=len(train),
            classes=[str(digit) for digit in range(10)],
            split=f"seeded: stratified by class, 600 test images, both splits shuffled, PCG64({spec.split_seed})",
            origin={
                "path": "scikit-learn, sklearn.datasets.load_digits",
                "files": {table.name: file_sha256(table)} if table.exists() else {},
            },
        )
