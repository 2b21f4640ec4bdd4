"""Small files of the same formats as the published ones."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from sngan_repro.data.sources import SOURCES


@dataclass
class StandIn:
    """A source whose archives are small ones of the same format."""

    images: np.ndarray
    """uint8 (N, H, W) or (N, H, W, 3), the train split first."""
    labels: np.ndarray
    num_train: int
    raw: dict[str, bytes]
    """path below downloads/<source> -> content"""
    packed: dict[str, bytes]
    """path of the archive below downloads/<source> -> content"""


def idx(values: np.ndarray) -> bytes:
    """The IDX format of MNIST's files."""
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def python2_batch(data: np.ndarray, extra: dict[str, Any]) -> bytes:
    """A pickle as Python 2 wrote CIFAR's batches: byte strings, NumPy's old module name, protocol 2.

    data: uint8 (n, 3072). extra: further entries, lists of int or of str.
    """

    def short(text: str) -> bytes:
        return b"U" + bytes([len(text)]) + text.encode("latin1")

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def listed(values: list[Any]) -> bytes:
        return b"](" + b"".join(short(v) if isinstance(v, str) else number(v) for v in values) + b"e"

    array = b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + number(0) + b"\x85" + short("b") + b"\x87R",
            b"(" + number(1) + number(data.shape[0]) + number(data.shape[1]) + b"\x86",
            b"cnumpy\ndtype\n" + short("u1") + number(0) + number(1) + b"\x87R",
            b"(" + number(3) + short("|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb",
            b"\x89T" + struct.pack("<i", data.nbytes) + data.tobytes() + b"tb",
        ]
    )
    entries = short("data") + array if data.size else b""
    entries += b"".join(short(key) + listed(value) for key, value in extra.items())
    return b"\x80\x02}(" + entries + b"u."


def tar_gz(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _mnist(folder: str, rng: np.random.Generator) -> StandIn:
    images = rng.integers(0, 256, (9, 28, 28), np.uint8)
    labels = rng.integers(0, 10, 9).astype(np.uint8)
    raw = {
        f"{folder}/raw/train-images-idx3-ubyte": idx(images[:6]),
        f"{folder}/raw/train-labels-idx1-ubyte": idx(labels[:6]),
        f"{folder}/raw/t10k-images-idx3-ubyte": idx(images[6:]),
        f"{folder}/raw/t10k-labels-idx1-ubyte": idx(labels[6:]),
    }
    return StandIn(images, labels, 6, raw, {f"{name}.gz": gzip.compress(body) for name, body in raw.items()})


def _cifar(name: str, rng: np.random.Generator) -> StandIn:
    files = [file.path for file in SOURCES.get(name).archives[0].files]
    keys = ("labels", "label_names") if name == "cifar10" else ("fine_labels", "fine_label_names")
    num = 2 * (len(files) - 1)
    images = rng.integers(0, 256, (num, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, num)
    raw = {}
    for at, path in enumerate(files[:-1]):
        rows = slice(2 * at, 2 * at + 2)
        planes = images[rows].transpose(0, 3, 1, 2).reshape(2, 3072)
        raw[path] = python2_batch(np.ascontiguousarray(planes), {keys[0]: labels[rows].tolist()})
    raw[files[-1]] = python2_batch(np.empty((0, 0), np.uint8), {keys[1]: [f"class {k}" for k in range(10)]})
    packed = {SOURCES.get(name).archives[0].path: tar_gz({**raw, "not/wanted": b"x"})}
    return StandIn(images, labels, num - 2, raw, packed)


def _stl10(rng: np.random.Generator) -> StandIn:
    """Train 2, unlabelled 3, test 2; ``labels`` 0..9 with -1 for the unlabelled."""
    images = rng.integers(0, 256, (7, 96, 96, 3), np.uint8)
    labels = np.array([4, 0, -1, -1, -1, 9, 3])
    stored = images.transpose(0, 3, 2, 1)  # planes, column by column
    raw = {
        "stl10_binary/train_X.bin": stored[:2].tobytes(),
        "stl10_binary/train_y.bin": (labels[:2] + 1).astype(np.uint8).tobytes(),
        "stl10_binary/unlabeled_X.bin": stored[2:5].tobytes(),
        "stl10_binary/test_X.bin": stored[5:].tobytes(),
        "stl10_binary/test_y.bin": (labels[5:] + 1).astype(np.uint8).tobytes(),
    }
    return StandIn(images, labels, 5, raw, {"stl10_binary.tar.gz": tar_gz(raw)})


def build(source: str) -> StandIn:
    rng = np.random.default_rng(5)
    if source == "stl10":
        return _stl10(rng)
    if source.startswith("cifar"):
        return _cifar(source, rng)
    return _mnist("MNIST" if source == "mnist" else "FashionMNIST", rng)
