"""Samples made by a program that is not trained here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sngan_repro.config import ConfigError
from sngan_repro.files import file_sha256


def read_external(
    path: Path, image_shape: tuple[int, int, int], num_fake: int, sha256: str | None = None
) -> np.ndarray:
    """Samples of an external program, mapped from the file: uint8 (N, H, W, C), N at least ``num_fake``.

    image_shape: (C, H, W) of the dataset. sha256: checked when given. Raises ConfigError saying what was found and
    what is needed.
    """
    channels, height, width = image_shape
    need = f"needed: uint8 (at least {num_fake}, {height}, {width}, {channels}), images x height x width x channels"
    try:
        samples = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"{path}: not a readable .npy file ({error}); {need}") from None
    found = f"found {samples.dtype} {samples.shape}"
    if samples.dtype != np.uint8:
        floats = np.issubdtype(samples.dtype, np.floating)
        hint = "floats are not guessed: scale to 0..255 and round" if floats else "clip to 0..255 and cast"
        raise ConfigError(f"{path}: {found}; {need}; {hint}")
    if samples.ndim != 4 or samples.shape[1:] != (height, width, channels):
        raise ConfigError(f"{path}: {found}; {need}")
    if len(samples) < num_fake:
        raise ConfigError(f"{path}: {found}; {need} (the largest `num_fake` of the study's `scores`)")
    if sha256 is not None and (actual := file_sha256(path)) != sha256:
        raise ConfigError(f"{path}: SHA-256 {actual}, but status.json lists {sha256}; run the program again")
    return samples
