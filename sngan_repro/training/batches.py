"""Training images, resident on the device as uint8 and scaled there, with their class labels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sngan_repro.nets.interface import Batch


class BatchStream:
    """An endless stream of batches: every image once per epoch, in an order that depends on the seed only.

    images: uint8 (N, H, W, C). labels: class indices, int64 (N,), or None. The stream runs across epoch borders, so no
    image is left out and every batch is full. ``position`` (images consumed so far) is the whole state: setting it
    continues the stream exactly there.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        seed: int,
        device: torch.device,
        labels: np.ndarray | None = None,
    ) -> None:
        self.images = torch.from_numpy(np.array(images)).to(device)
        self.labels = None if labels is None else torch.from_numpy(np.array(labels)).to(device)
        self.batch_size = batch_size
        self.seed = seed
        self._offset = torch.tensor(-1.0, device=device)
        self.position = 0
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def __next__(self) -> Batch:
        """The next batch of ``batch_size`` images; see :meth:`batch`."""
        return self.batch(self.next_indices())

    def next_indices(self) -> Tensor:
        """The indices of the next batch's images: int64 (batch_size,), on the device."""
        num = len(self.images)
        parts, missing = [], self.batch_size
        while missing:
            epoch, offset = divmod(self.position, num)
            part = self._permutation(epoch)[offset : offset + missing]
            parts.append(part)
            missing -= len(part)
            self.position += len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def batch(self, indices: Tensor) -> Batch:
        """Images by their indices (N,): (N, C, H, W), float32 in [-1, 1], channels-last in memory; labels (N,)."""
        pixels = self.images[indices].permute(0, 3, 1, 2)  # (N, H, W, C) -> (N, C, H, W), channels-last strides
        images = torch.add(self._offset, pixels, alpha=2 / 255)
        return Batch(images, None if self.labels is None else self.labels[indices])

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self.images))
            self._order = torch.from_numpy(order).to(self.images.device)
            self._epoch = epoch
        return self._order
