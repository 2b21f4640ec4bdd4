"""The images of a source in their original sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class RawImages:
    """N images of a source, the train split first. Several threads may call ``read`` at the same time."""

    labels: np.ndarray
    """int64 (N,): index into ``classes``, -1 for an image without a label."""
    num_train: int
    classes: list[str] | None
    channels: int
    """1 or 3: the channels of a dataset that does not set ``channels``."""
    split: str
    """The origin of the train and test splits, in words."""
    read: Callable[[int], Image.Image]
    """The image at an index, decoded, 8 bits per channel. Raises ConfigError with its file."""
    origin: Callable[[], dict[str, Any]]
    """Gives {path or url, files: {name: sha256}}; called after all images were read."""
    notes: Callable[[], list[str]] = list
    """Gives what ``read`` did to pixels, in words; called after all images were read."""


def from_arrays(
    parts: Sequence[np.ndarray],
    labels: np.ndarray,
    num_train: int,
    classes: list[str],
    split: str = "as published",
    origin: dict[str, Any] | None = None,
) -> RawImages:
    """Images from arrays: each part uint8 (n, H, W) or (n, H, W, 3), together N images."""
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
