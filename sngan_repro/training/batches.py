"""Batches of training images with their class labels, from images on the device or streamed from the mapped file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.interface import Batch

RESIDENT_SHARE = 0.25
"""Images are kept in the memory of a GPU if they take at most this share of what is free."""
RESIDENT_BYTES = 2**30
"""Images are copied into main memory for training on a CPU up to this size. Larger ones stay in the file cache."""
AHEAD = 4
"""Updates whose images are read ahead of the one that uses them."""


class BatchStream(ABC):
    """An endless stream of batches: every image once per epoch, in an order that depends on the seed only.

    images: uint8 (N, H, W, C). labels: class indices, int64 (N,), or None. An update uses ``num_slots`` batches of
    ``batch_size`` images: :meth:`load` makes them available, :meth:`batch` returns one. The stream runs across epoch
    borders, so no image is left out and every batch is full. ``position`` (images consumed so far) is the whole state:
    setting it continues the stream exactly there.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        seed: int,
        device: torch.device,
        labels: np.ndarray | None = None,
        num_slots: int = 1,
    ) -> None:
        self.num_images = len(images)
        self.batch_size, self.num_slots, self.seed, self.device = batch_size, num_slots, seed, device
        self.position = 0
        self._offset = torch.tensor(-1.0, device=device)
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)
        self._keep(images, labels)

    @abstractmethod
    def _keep(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        """Keep images and labels where :meth:`load` and :meth:`batch` need them."""

    @abstractmethod
    def load(self) -> None:
        """Make the batches of the next update available, and move the position behind them. Not for a CUDA graph."""

    @abstractmethod
    def batch(self, slot: int = 0) -> Batch:
        """The loaded batch of a slot: images (N, C, H, W), float32 in [-1, 1], channels-last in memory; labels (N,).

        It can be captured in a CUDA graph.
        """

    def indices_from(self, position: int) -> Tensor:
        """The indices of the ``batch_size`` images from a position on: int64 (batch_size,)."""
        parts, missing = [], self.batch_size
        while missing:
            epoch, offset = divmod(position, self.num_images)
            part = self._permutation(epoch)[offset : offset + missing]
            parts.append(part)
            missing -= len(part)
            position += len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation(self.num_images)
            self._order, self._epoch = self._placed(torch.from_numpy(order)), epoch
        return self._order

    def _placed(self, order: Tensor) -> Tensor:
        """The order of an epoch where :meth:`load` needs it."""
        return order

    def _scaled(self, pixels: Tensor) -> Tensor:
        """uint8 (N, H, W, C) -> float32 (N, C, H, W) in [-1, 1], with channels-last strides."""
        return torch.add(self._offset, pixels.permute(0, 3, 1, 2), alpha=2 / 255)


class ResidentBatches(BatchStream):
    """All images are in the memory of the device, as uint8. Batches are gathered and scaled there."""

    def _keep(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        self.images = torch.from_numpy(np.array(images)).to(self.device)
        self.labels = None if labels is None else torch.from_numpy(np.array(labels)).to(self.device)
        self._rows = list(torch.empty((self.num_slots, self.batch_size), dtype=torch.int64, device=self.device))

    def load(self) -> None:
        for row in self._rows:
            row.copy_(self.indices_from(self.position))
            self.position += self.batch_size

    def batch(self, slot: int = 0) -> Batch:
        return self.batch_of(self._rows[slot])

    def batch_of(self, indices: Tensor) -> Batch:
        """The images with these indices (N,), on the device."""
        return Batch(self._scaled(self.images[indices]), None if self.labels is None else self.labels[indices])

    def _placed(self, order: Tensor) -> Tensor:
        return order.to(self.device)


class EpochBatches(ResidentBatches):
    """Each epoch ends with a batch of the images that are left, so a batch may be smaller than the others.

    The images are in the memory of the device. The sizes differ, so updates cannot be captured in a CUDA graph.
    """

    def load(self) -> None:
        self._rows = [self._following() for _ in range(self.num_slots)]

    def _following(self) -> Tensor:
        epoch, offset = divmod(self.position, self.num_images)
        indices = self._permutation(epoch)[offset : offset + self.batch_size]
        self.position += len(indices)
        return indices


class StreamedBatches(BatchStream):
    """Images stay in the mapped file. Threads read those of the next updates; only these are on the device.

    The order and the numbers are those of :class:`ResidentBatches`. For a GPU the images are read into page-locked
    buffers and copied from there while the GPU computes.
    """

    def _keep(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        self.images, self.labels = images, labels
        shape, pinned = (self.num_slots, self.batch_size, *images.shape[1:]), self.device.type == "cuda"
        self._pixels = torch.empty(shape, dtype=torch.uint8, device=self.device)
        self._classes = None if labels is None else torch.empty(shape[:2], dtype=torch.int64, device=self.device)
        self._free = deque(_Buffer(shape, labels is not None, pinned) for _ in range(AHEAD + 1))
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="images")
        self._read: deque[tuple[int, _Buffer, Future[None]]] = deque()

    def load(self) -> None:
        if self._read and self._read[0][0] != self.position:  # the position was set: what was read is not needed
            while self._read:
                _, buffer, done = self._read.popleft()
                done.result()
                self._free.append(buffer)
        step = self.num_slots * self.batch_size
        while len(self._read) < AHEAD:
            position = self._read[-1][0] + step if self._read else self.position
            indices = torch.stack([self.indices_from(position + k * self.batch_size) for k in range(self.num_slots)])
            buffer = self._free.popleft()
            done = self._readers.submit(buffer.read, self.images, self.labels, indices.numpy())
            self._read.append((position, buffer, done))
        _, buffer, done = self._read.popleft()
        done.result()
        buffer.copy_to(self._pixels, self._classes)
        self._free.append(buffer)
        self.position += step

    def batch(self, slot: int = 0) -> Batch:
        return Batch(self._scaled(self._pixels[slot]), None if self._classes is None else self._classes[slot])


class _Buffer:
    """Main memory for the images of one update. It is used again when its copy to the device has ended."""

    def __init__(self, shape: tuple[int, ...], labelled: bool, pinned: bool) -> None:
        self.pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        self.classes = torch.empty(shape[:2], dtype=torch.int64, pin_memory=pinned) if labelled else None
        self.copied = torch.cuda.Event() if pinned else None

    def read(self, images: np.ndarray, labels: np.ndarray | None, indices: np.ndarray) -> None:
        """Read the images with these indices (slots, N)."""
        if self.copied is not None:
            self.copied.synchronize()
        # With `clip` numpy writes into `out` directly. The indices are valid.
        np.take(images, indices, axis=0, out=self.pixels.numpy(), mode="clip")
        if labels is not None and self.classes is not None:
            np.take(labels, indices, axis=0, out=self.classes.numpy(), mode="clip")

    def copy_to(self, pixels: Tensor, classes: Tensor | None) -> None:
        """Copy to the device on the current stream, without waiting for the end."""
        pixels.copy_(self.pixels, non_blocking=True)
        if classes is not None and self.classes is not None:
            classes.copy_(self.classes, non_blocking=True)
        if self.copied is not None:
            self.copied.record()


def fits(num_bytes: int, device: torch.device) -> bool:
    """True if so many bytes of images are kept in the memory of the device."""
    if device.type == "cuda":
        return num_bytes <= RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]
    return num_bytes <= RESIDENT_BYTES


def make_batches(
    images: np.ndarray,
    batch_size: int,
    seed: int,
    device: torch.device,
    labels: np.ndarray | None = None,
    num_slots: int = 1,
    streamed: bool | None = None,
    smaller_last: bool = False,
) -> BatchStream:
    """The stream of batches for a training. streamed: None decides by the size of the images (:func:`fits`).

    smaller_last: see :class:`EpochBatches`; raises ConfigError for images that would have to be streamed.
    """
    if streamed is None:
        streamed = not fits(images.nbytes, device)
    if smaller_last and streamed:
        raise ConfigError(
            f"training: smaller_last_batch: needs all images ({images.nbytes / 1e9:.1f} GB) in memory; remove it, or "
            "set `stream_images: false` in config/config.yaml"
        )
    kind = EpochBatches if smaller_last else StreamedBatches if streamed else ResidentBatches
    return kind(images, batch_size, seed, device, labels, num_slots)
