"""MNIST (LeCun, Bottou, Bengio and Haffner 1998) and Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), IDX files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources.base import SOURCES, Archive, RawFile, Source

if TYPE_CHECKING:
    import numpy as np

    from sngan_repro.data.raw import RawImages

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _archives(folder: str, mirrors: tuple[str, ...], md5s: tuple[tuple[str, str], ...]) -> tuple[Archive, ...]:
    """md5s: of the published ``.gz`` and of the file in it, in the order of FILES."""
    return tuple(
        Archive(
            path=f"{folder}/{name}.gz",
            md5=packed,
            urls=tuple(f"{mirror}{name}.gz" for mirror in mirrors),
            files=(RawFile(f"{folder}/{name}", unpacked),),
        )
        for name, (packed, unpacked) in zip(FILES, md5s, strict=True)
    )


@SOURCES.register("mnist")
class MNIST(Source):
    name = "mnist"
    title = "MNIST"
    citation = "lecun1998"
    channels = 1
    num_train = 60_000
    num_test = 10_000
    num_classes = 10
    classes: tuple[str, ...] = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    archives = _archives(
        "MNIST/raw",
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        (
            ("f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"),
            ("d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"),
            ("9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"),
            ("ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"),
        ),
    )

    @classmethod
    def open(cls, spec: DatasetSpec, folder: Path) -> RawImages:
        import numpy as np

        from sngan_repro.data.raw import from_arrays

        train, train_labels, test, test_labels = read_idx_files(folder, cls.archives)
        return from_arrays(
            [train, test],
            labels=np.concatenate([train_labels, test_labels]).astype(np.int64),
            num_train=len(train),
            classes=list(cls.classes),
        )


@SOURCES.register("fashion_mnist")
class FashionMNIST(MNIST):
    name = "fashion_mnist"
    title = "Fashion-MNIST"
    citation = "xiao2017"
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    archives = _archives(
        "FashionMNIST/raw",
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
            ("25c81989df183df01b3e8a0aad5dffbe", "9018921c3c673c538a1fc5bad174d6f9"),
            ("bef4ecab320f06d8554ea6380940ec79", "8181f5470baa50b63fa0f6fddb340f0a"),
            ("bb300cfdad3c16e7a12a480ee83cd310", "15d484375f8d13e6eb1aabb0c3f46965"),
        ),
    )


def read_idx_files(folder: Path, archives: tuple[Archive, ...]) -> tuple[np.ndarray, ...]:
    """Training images (N, H, W), their labels (N,), test images and their labels, uint8, mapped into memory."""
    return tuple(
        read_idx(folder / archive.files[0].path, ndim) for archive, ndim in zip(archives, (3, 1, 3, 1), strict=True)
    )


def read_idx(path: Path, ndim: int) -> np.ndarray:
    """An IDX file of bytes, mapped into memory: uint8 with ``ndim`` dimensions.

    Its header is 0, 0, the type (8: unsigned byte), the number of dimensions, and each size as 4 bytes, big-endian.
    Raises ConfigError with the file if header and length do not agree.
    """
    import numpy as np

    with path.open("rb") as stream:
        head = stream.read(4 + 4 * ndim)
    shape = tuple(int.from_bytes(head[at : at + 4], "big") for at in range(4, len(head), 4))
    size = len(head) + int(np.prod(shape, dtype=np.int64))
    if head[:4] != bytes([0, 0, 8, ndim]) or len(shape) != ndim or path.stat().st_size != size:
        raise ConfigError(f"{path}: not an IDX file of bytes in {ndim} dimension(s), or truncated")
    return np.memmap(path, np.uint8, mode="r", offset=len(head), shape=shape)
