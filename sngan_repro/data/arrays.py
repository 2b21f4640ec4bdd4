"""Arrays and folders of images as they are, without any change of pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sngan_repro.core.files import file_sha256
from sngan_repro.core.schema import ConfigError


def read_images(images: np.ndarray | Path | str, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Images to be scored: uint8 (N, H, W, C), exactly as they are.

    images: such an array, a ``.npy`` file of one, or a folder of image files, taken in the order of their names, class
    folders included. image_shape: (C, H, W) of the dataset. Nothing is resized, cropped or converted, since each of
    these changes scores: ConfigError says what was found and what is needed.
    """
    channels, height, width = image_shape
    need = f"needed: uint8 (N, {height}, {width}, {channels}), images x height x width x channels"
    if isinstance(images, np.ndarray):
        return _checked(images, image_shape, "images", need)
    path = Path(images)
    if path.is_dir():
        return _read_folder(path, image_shape)
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder")
    if path.suffix != ".npy":
        raise ConfigError(f"{path}: neither a folder of images nor a .npy file; {need}")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"{path}: not a readable .npy file ({error}); {need}") from None
    return _checked(array, image_shape, str(path), need)


def _checked(array: np.ndarray, image_shape: tuple[int, int, int], where: str, need: str) -> np.ndarray:
    channels, height, width = image_shape
    found = f"{where}: found {array.dtype} {array.shape}; {need}"
    if array.dtype != np.uint8:
        raise ConfigError(f"{found}. Floats are not guessed: from [-1, 1], ((x + 1) * 127.5).round() gives the levels")
    if array.ndim == 4 and array.shape[1:] == image_shape and array.shape[1:] != (height, width, channels):
        raise ConfigError(f"{found}. Put the channels last: images.transpose(0, 2, 3, 1)")
    if array.ndim != 4 or array.shape[1:] != (height, width, channels):
        raise ConfigError(found)
    return array


EXACT_MODES = {1: ("L", "1"), 3: ("RGB", "P")}
"""Channels of a dataset -> modes of image files (as PIL has them) that give such pixels without a conversion."""


def _read_folder(folder: Path, image_shape: tuple[int, int, int]) -> np.ndarray:
    from sngan_repro.data.image_tree import ImageTree
    from sngan_repro.data.sources.images import decode

    channels, height, width = image_shape
    tree = ImageTree(str(folder))
    found = np.empty((len(tree.names), height, width, channels), np.uint8)
    for index, name in enumerate(tree.names):
        where = tree.where(name)
        image = decode(tree.read(name), where)
        transparent = "transparency" in image.info
        if image.size != (width, height) or image.mode not in EXACT_MODES[channels] or transparent:
            kind = image.mode + " with transparency" * transparent
            raise ConfigError(
                f"{where}: {image.width} x {image.height} pixels, {kind}; the dataset has "
                f"{width} x {height}, {EXACT_MODES[channels][0]}. Nothing is resized or converted here, "
                "since that changes scores"
            )
        found[index] = np.asarray(image.convert(EXACT_MODES[channels][0])).reshape(height, width, channels)
    return found


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
