"""The one reader of NumPy's files, which may be damaged or come from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sngan_repro.core.files import check_regular
from sngan_repro.core.schema import shortened


def map_npy(path: Path) -> np.ndarray:
    """The array in a .npy file, mapped into memory. A pickle in it is not opened.

    Raises ConfigError if the path is no regular file, and ValueError or OSError if the content is no array.
    """
    if path.exists():
        check_regular(path)
    with path.open("rb") as stream:
        if stream.read(6) != np.lib.format.MAGIC_PREFIX:
            raise ValueError("it does not begin like a .npy file")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a damaged header fails in many ways
        raise ValueError(shortened(str(error))) from None


def read_npz(path: Path, names: Iterable[str] | None = None, optional: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Arrays of a .npz file: all, or those with these names and the optional ones that it has.

    A pickle in it is not opened. Raises OSError or ValueError if it cannot be read or lacks a name.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            wanted = file.files if names is None else [*names, *(name for name in optional if name in file)]
            return {name: file[name] for name in wanted}
    except OSError:
        raise
    except Exception as error:  # a damaged zip fails in many ways
        raise ValueError(shortened(str(error))) from None
