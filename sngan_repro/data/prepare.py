"""From a source to one uint8 array: images are read, converted, cropped to a square and resampled once."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from PIL import Image

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.disk import disk_errors
from sngan_repro.core.files import atomic_path, file_sha256
from sngan_repro.core.progress import progress_bar
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.core.verified import keep_sha256
from sngan_repro.data.fetch import fetched_origin
from sngan_repro.data.raw import RawImages
from sngan_repro.data.sources import SOURCES, check_source, source_info
from sngan_repro.data.storage import remove_stale

BLOCK_IMAGES = 64
"""Images per block. With the number of workers it bounds the memory."""
THREADED_SIZE = 200
"""Smaller images (pixels per side) are prepared faster by one thread than by two (measured: 32 to 512 pixels)."""
PACKAGES = ("numpy", "pillow", "scikit-learn")

T = TypeVar("T")
R = TypeVar("R")


def prepare(spec: DatasetSpec, downloads: Path, out: Path, workers: int | None = None) -> dict[str, Any]:
    """Write ``images.npy``, ``labels.npy`` and ``dataset.json`` into the folder ``out``; returns the last.

    Images: uint8 (N, image_size, image_size, C), train rows first. Each image is converted to C channels if it has
    others, cropped to its centred square if it is not square, and resampled once by PIL
    (antialiased) if its size differs. Other pixels are not changed. workers: threads; the default is one per core (at
    most 8) for large images and one for small ones. The bytes written do not depend on it. The memory is a few blocks
    of images, for any N. dataset.json is written last. Raises ConfigError with the file that cannot be used.
    """
    check_source(spec.id, spec)
    source = SOURCES.get(spec.source)
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / "dataset.json").unlink(missing_ok=True)  # from now on the folder counts as incomplete
        for name in ("images", "labels", "dataset"):
            remove_stale(out, f".{name}-*")
        fetched_as = source_info(spec).fetched_as
        origin = fetched_origin(fetched_as, downloads) if source.archives else None
        stamp = source.stamp(spec)
        raw = source.open(spec, downloads / fetched_as)
        num, channels = len(raw.labels), spec.channels or raw.channels
        _check_splits(spec, raw)
        with atomic_path(out / "images.npy") as temporary, temporary.open("wb") as stream:
            sha256, changes = _write_images(stream, raw, spec, channels, workers or _default_workers(raw))
        with atomic_path(out / "labels.npy") as temporary:
            np.save(temporary, raw.labels.astype(np.int64))
        if source.stamp(spec) != stamp:
            raise ConfigError(f"{spec.path}: files changed while they were prepared; run again")
        description = {
            "spec": spec.to_dict(),
            "source_stamp": stamp,
            "spec_digest": spec.digest(),
            "source_title": source_info(spec).title,
            "num_train": raw.num_train,
            "num_test": num - raw.num_train,
            "image_shape": [channels, spec.image_size, spec.image_size],
            "classes": raw.classes,
            "sha256": sha256,
            "labels_sha256": file_sha256(out / "labels.npy"),
            "split": raw.split,
            "origin": origin if origin is not None else raw.origin(),
            "preparation": _in_words(spec, channels, changes, raw.notes()),
            "versions": {"python": platform.python_version()}
            | {package: importlib.metadata.version(package) for package in PACKAGES},
        }
        keep_sha256(out / "images.npy", sha256)
        write_sealed_json(out / "dataset.json", description)
    return description


def to_array(image: Image.Image, size: int, channels: int, resample: str) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 (size, size, channels), 3 flags: converted, cropped, resampled)."""
    mode = "L" if channels == 1 else "RGB"
    width, height = image.size
    changes = np.array([image.mode != mode, width != height, min(width, height) != size])
    if changes[0]:
        image = image.convert(mode)
    if changes[1]:
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if changes[2]:
        image = image.resize((size, size), Image.Resampling[resample.upper()])
    return np.asarray(image).reshape(size, size, channels), changes


def ordered_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """``map`` by threads, in order. At most two results per worker wait for the consumer."""
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[R]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _write_images(
    stream: BinaryIO, raw: RawImages, spec: DatasetSpec, channels: int, workers: int
) -> tuple[str, np.ndarray]:
    """Write the array in NumPy's format; returns (SHA-256 of the file, counts of images converted, cropped, resampled).

    It is written in blocks. With a memory map a full disk would kill the process.
    """
    num, size = len(raw.labels), spec.image_size

    def block(start: int) -> tuple[np.ndarray, np.ndarray]:
        indices = range(start, min(start + BLOCK_IMAGES, num))
        pixels, changes = np.empty((len(indices), size, size, channels), np.uint8), np.zeros(3, np.int64)
        for row, index in enumerate(indices):
            pixels[row], changed = to_array(raw.read(index), size, channels, spec.resample)
            changes += changed
        return pixels, changes

    writer = _HashingWriter(stream)
    shape = (num, size, size, channels)
    np.lib.format.write_array_header_1_0(writer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    total = np.zeros(3, np.int64)
    with progress_bar(num, spec.id, "image") as bar:
        for pixels, changes in ordered_map(block, range(0, num, BLOCK_IMAGES), workers):
            writer.write(pixels.data)
            total += changes
            bar.update(len(pixels))
    return writer.sha256.hexdigest(), total


class _HashingWriter:
    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.sha256 = hashlib.sha256()

    def write(self, data: Any) -> None:
        self.stream.write(data)
        self.sha256.update(data)


def _check_splits(spec: DatasetSpec, raw: RawImages) -> None:
    if not 0 < raw.num_train < len(raw.labels):
        raise ConfigError(
            f"{spec.id}: {raw.num_train} train and {len(raw.labels) - raw.num_train} test images; both are needed"
        )
    if spec.copy_of is not None:
        info, num_test = SOURCES.get(spec.copy_of).info(), len(raw.labels) - raw.num_train
        for part, given, published in (("train", raw.num_train, info.num_train), ("test", num_test, info.num_test)):
            if published not in (None, given):
                raise ConfigError(
                    f"{spec.path}: {given:,} {part} images, but `copy_of: {spec.copy_of}` has {published:,}; "
                    "remove `copy_of`, or give all images of that set"
                )


def _in_words(spec: DatasetSpec, channels: int, changes: np.ndarray, notes: list[str]) -> str:
    converted, cropped, resampled = (int(count) for count in changes)
    size = f"{spec.image_size} x {spec.image_size}"
    parts = [
        *notes,
        f"{converted} images converted to {'grey' if channels == 1 else 'RGB'}" if converted else "",
        f"{cropped} images cropped to their centred square" if cropped else "",
        f"{resampled} images resampled to {size} (PIL {spec.resample}, antialiased)" if resampled else "",
    ]
    return "; ".join(part for part in parts if part) or "pixels as published"


def _default_workers(raw: RawImages) -> int:
    """Threads help only for large images: decoding releases the interpreter lock, the rest of the work does not."""
    if max(raw.read(0).size) < THREADED_SIZE:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)
