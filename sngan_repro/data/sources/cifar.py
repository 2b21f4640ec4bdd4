"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), the "python version": pickled batches of 32 x 32 RGB images."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources.base import SOURCES, Archive, RawFile, Source

if TYPE_CHECKING:
    from sngan_repro.data.raw import RawImages


@SOURCES.register("cifar10")
class CIFAR10(Source):
    name = "cifar10"
    title = "CIFAR-10"
    citation = "krizhevsky2009"
    channels = 3
    num_train = 50_000
    num_test = 10_000
    num_classes = 10
    label_key: ClassVar[str] = "labels"
    names_key: ClassVar[str] = "label_names"
    archives = (
        Archive(
            path="cifar-10-python.tar.gz",
            md5="c58f30108f718f92721af3b95e74349a",
            urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            files=(  # the training batches, the test batch, the names of the classes
                RawFile("cifar-10-batches-py/data_batch_1", "c99cafc152244af753f735de768cd75f"),
                RawFile("cifar-10-batches-py/data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
                RawFile("cifar-10-batches-py/data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
                RawFile("cifar-10-batches-py/data_batch_4", "634d18415352ddfa80567beed471001a"),
                RawFile("cifar-10-batches-py/data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
                RawFile("cifar-10-batches-py/test_batch", "40351d587109b95175f43aff81a1287e"),
                RawFile("cifar-10-batches-py/batches.meta", "5ff9c542aee3614f3951f8cda6e48888"),
            ),
        ),
    )

    @classmethod
    def open(cls, spec: DatasetSpec, folder: Path) -> RawImages:
        import numpy as np

        from sngan_repro.data.raw import from_arrays

        *batch_files, names_file = [folder / file.path for file in cls.archives[0].files]
        batches = [read_pickle(path) for path in batch_files]
        # stored as (3, 32, 32) planes, one row per image
        parts = [np.reshape(batch["data"], (-1, 3, 32, 32)).transpose(0, 2, 3, 1) for batch in batches]
        return from_arrays(
            parts,
            labels=np.concatenate([np.asarray(batch[cls.label_key], np.int64) for batch in batches]),
            num_train=sum(len(part) for part in parts[:-1]),
            classes=list(read_pickle(names_file)[cls.names_key]),
        )


@SOURCES.register("cifar100")
class CIFAR100(CIFAR10):
    name = "cifar100"
    title = "CIFAR-100"
    citation = "krizhevsky2009"
    num_classes = 100
    label_key = "fine_labels"
    names_key = "fine_label_names"
    archives = (
        Archive(
            path="cifar-100-python.tar.gz",
            md5="eb9058c3a382ffc7106e4002c42a8d85",
            urls=("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
            files=(
                RawFile("cifar-100-python/train", "16019d7e3df5f24257cddd939b257f8d"),
                RawFile("cifar-100-python/test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),
                RawFile("cifar-100-python/meta", "7973b15100ade9c7d40fb424638fde48"),
            ),
        ),
    )


class ArrayUnpickler(pickle.Unpickler):
    """Reads plain values and NumPy arrays. A pickle that needs anything else is refused and never run."""

    def find_class(self, module: str, name: str) -> Any:
        import codecs

        import numpy as np

        rebuild = np.zeros(0).__reduce__()[0]  # numpy's own _reconstruct, wherever this version keeps it
        allowed: dict[tuple[str, str], Any] = {
            ("numpy.core.multiarray", "_reconstruct"): rebuild,
            ("numpy._core.multiarray", "_reconstruct"): rebuild,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): codecs.encode,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it needs {module}.{name}")
        return allowed[module, name]


def read_pickle(path: Path) -> dict[str, Any]:
    """The dictionary in a CIFAR batch, text decoded as Latin-1. Raises ConfigError with the file."""
    try:
        with path.open("rb") as stream:
            content: dict[str, Any] = ArrayUnpickler(stream, encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError) as error:
        raise ConfigError(f"{path}: not a CIFAR batch: {error}") from None
    return content
