"""Images as a source has them, before they are brought to one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class RawImages:
    """N images of a source, the train split first. ``read`` may be called from several threads at once."""

    labels: np.ndarray
    """int64 (N,), index into ``classes``, -1 where there is none."""
    num_train: int
    classes: list[str] | None
    channels: int
    """1 or 3: what a dataset gets that does not say."""
    split: str
    """How the train and test splits came about, in words."""
    read: Callable[[int], Image.Image]
    """The image at an index, decoded, 8 bits per channel. Raises ConfigError naming its file."""
    origin: Callable[[], dict[str, Any]]
    """{path or url, files: {name: sha256}}; called after all images were read."""


def from_arrays(
    parts: Sequence[np.ndarray],
    labels: np.ndarray,
    num_train: int,
    classes: list[str],
    split: str = "as published",
    origin: dict[str, Any] | None = None,
) -> RawImages:
    """Images in memory or mapped: each part uint8 (n, H, W) or (n, H, W, 3), all parts together N images."""
    starts = np.cumsum([0, *(len(part) for part in parts)])
    if starts[-1] != len(labels):
        raise ValueError(f"{starts[-1]} images but {len(labels)} labels")

    def read(index: int) -> Image.Image:
        part = int(np.searchsorted(starts, index, side="right")) - 1
        return Image.fromarray(np.ascontiguousarray(parts[part][index - starts[part]]))

    return RawImages(
        labels=labels,
        num_train=num_train,
        classes=classes,
        channels=1 if parts[0].ndim == 3 else 3,
        split=split,
        read=read,
        origin=lambda: origin or {},
    )
