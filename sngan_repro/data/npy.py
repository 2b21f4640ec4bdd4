"""The one reader of ``.npy`` files from elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sngan_repro.core.files import check_regular


def map_npy(path: Path) -> np.ndarray:
    """The array in a .npy file, mapped into memory. A pickle in it is not opened.

    Raises ConfigError if the path is no regular file, and ValueError or OSError if the content is no array.
    """
    if path.exists():
        check_regular(path)
    with path.open("rb") as stream:
        if stream.read(6) != np.lib.format.MAGIC_PREFIX:
            raise ValueError("it does not begin like a .npy file")
    return np.load(path, mmap_mode="r", allow_pickle=False)
