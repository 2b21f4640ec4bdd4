"""The one reader of finished images: arrays, ``.npy`` files and folders, without any change of pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sngan_repro.core.files import file_sha256
from sngan_repro.core.paths import exists, is_folder
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.npy import map_npy

EXACT_MODES = {1: ("L", "1"), 3: ("RGB", "P")}
"""Channels of a dataset -> PIL modes of image files that give such pixels without a conversion."""
CHECKED_IMAGES = 1000
"""The number of images whose values are checked, spread evenly over all."""


def read_images(
    images: np.ndarray | Path | str,
    image_shape: tuple[int, int, int],
    num_images: int | None = None,
    sha256: str | None = None,
) -> np.ndarray:
    """Images to be scored: uint8 (N, H, W, C), exactly as they are; a ``.npy`` file is mapped into memory.

    images: such an array, a ``.npy`` file of it, or a folder of image files. Files are read in the order of their
    names, those in class folders included. image_shape: (C, H, W) of the dataset. num_images: the smallest N. sha256:
    of the file. Nothing is resized, cropped or converted, since this would change scores. A file with a pickle is not
    opened. Raises ConfigError that says what was found, what is needed, and how to convert it, also if the values are
    most likely a mistake (:func:`doubtful`).
    """
    channels, height, width = image_shape
    least = "N" if num_images is None else f"at least {num_images}"
    need = f"needed: uint8 ({least}, {height}, {width}, {channels}), images x height x width x channels"
    if isinstance(images, str | Path):
        where, array = str(images), _read(Path(images), image_shape, need)
    elif isinstance(images, np.ndarray):
        where, array = "images", images
    else:
        raise ConfigError(
            f"images: found {type(images).__name__}; {need}, as a NumPy array, a .npy file or a folder. For a tensor "
            "in [-1, 1]: ((x + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()"
        )
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[1:] != (height, width, channels):
        hints = [_dtype_hint(array.dtype), _shape_hint(array.shape, image_shape)]
        raise ConfigError("; ".join(filter(None, [f"{where}: found {array.dtype} {array.shape}", need, *hints])))
    if num_images is not None and len(array) < num_images:
        raise ConfigError(
            f"{where}: found {array.dtype} {array.shape}; {need} (the largest `num_fake` of the study's `scores`)"
        )
    if sha256 is not None and (actual := file_sha256(Path(where))) != sha256:
        raise ConfigError(f"{where}: SHA-256 {actual}, but status.json lists {sha256}; run the program again")
    if len(array) and (doubt := doubtful(array[:: -(-len(array) // CHECKED_IMAGES)])):
        raise ConfigError(f"{where}: {doubt}")
    return array


def even_order(images: np.ndarray | Path | str, num_images: int, seed: int) -> np.ndarray:
    """An order of the images of :func:`read_images` whose first n are an even draw, for any n: int64 (num_images,).

    A folder with one folder per class gives each class its share among the first n, to within one image. Otherwise the
    order is random. seed: of ``Generator(PCG64(seed))``.
    """
    from sngan_repro.data.image_tree import ImageTree

    random = np.random.Generator(np.random.PCG64(seed)).permutation(num_images)
    if not isinstance(images, str | Path) or not Path(images).is_dir():
        return random
    folders = np.array([name.rpartition("/")[0] for name in ImageTree(str(images)).names])
    position = np.empty(num_images)  # where in its own class, from 0 to 1
    for folder in np.unique(folders):
        members = random[folders[random] == folder]
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return random[np.argsort(position[random], kind="stable")]


def _read(path: Path, image_shape: tuple[int, int, int], need: str) -> np.ndarray:
    if is_folder(path):
        return _read_folder(path, image_shape)
    if not exists(path):
        raise ConfigError(f"{path}: no such file or folder")
    if path.suffix != ".npy":
        raise ConfigError(f"{path}: neither a folder of images nor a .npy file; {need}")
    try:
        return map_npy(path)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"{path}: not a readable .npy file ({error}); {need}") from None


def _dtype_hint(dtype: np.dtype) -> str:
    if np.issubdtype(dtype, np.floating):
        return "floats are not guessed: scale to 0..255 and round, ((x + 1) * 127.5).round() for x in [-1, 1]"
    return "" if dtype == np.uint8 else "clip to 0..255 and cast"


def _shape_hint(shape: tuple[int, ...], image_shape: tuple[int, int, int]) -> str:
    """The conversion from a common other shape, or an empty text."""
    channels, height, width = image_shape
    if shape[1:] == (height, width, channels):
        return ""
    if shape[1:] == (channels, height, width):
        return "the channels come last: transpose(0, 2, 3, 1)"
    if shape[1:] == (height, width) and channels == 1:
        return "grey images have a last axis of length 1"
    if shape[-1:] != (channels,) and shape[:-1] == (height, width, channels):
        return "the images come first: move the last axis to the front"
    if len(shape) == 2 and shape[1] == channels * height * width:
        return f"flat images: reshape(-1, {height}, {width}, {channels})"
    return ""


def _read_folder(folder: Path, image_shape: tuple[int, int, int]) -> np.ndarray:
    from sngan_repro.data.image_tree import ImageTree
    from sngan_repro.data.sources.images import decode

    channels, height, width = image_shape
    mode = EXACT_MODES[channels][0]
    tree = ImageTree(str(folder))
    found = np.empty((len(tree.names), height, width, channels), np.uint8)
    for index, name in enumerate(tree.names):
        where = tree.where(name)
        image = decode(tree.read(name), where)
        transparent = "transparency" in image.info
        if image.size != (width, height) or image.mode not in EXACT_MODES[channels] or transparent:
            kind = image.mode + " with transparency" * transparent
            raise ConfigError(
                f"{where}: {image.width} x {image.height} pixels, {kind}; the dataset has {width} x {height}, {mode}. "
                "Nothing is resized or converted here, since that changes scores"
            )
        found[index] = np.asarray(image.convert(mode)).reshape(height, width, channels)
    return found


def doubtful(samples: np.ndarray) -> str:
    """The reason why samples of the right form are most likely a mistake; empty if none is found.

    samples: uint8 (N, H, W, C).
    """
    values = np.unique(samples)
    flat = bool((samples.reshape(len(samples), -1).min(axis=1) == samples.reshape(len(samples), -1).max(axis=1)).all())
    if flat:
        return f"each of the images is one flat colour (values {_some(values)}); nothing was drawn into them"
    if values[-1] <= 2:
        return f"all values are {_some(values)}: images in [0, 1] that were not scaled to 0..255"
    if 1 in values and set(values.tolist()) <= {0, 1, 254, 255}:
        return f"all values are {_some(values)}: images in [-1, 1] that were cast and not scaled; (x + 1) * 127.5"
    return ""


def _some(values: np.ndarray) -> str:
    return ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
