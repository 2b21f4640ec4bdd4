"""Training images, resident on the device as uint8 and scaled there."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class BatchStream:
    """An endless stream of batches: every image once per epoch, in an order that depends only on the seed.

    images: uint8 (N, H, W, C). The stream runs across epoch borders, so no image is left out and every batch is full.
    ``position`` (images consumed so far) is the whole state: setting it continues the stream exactly there.
    """

    def __init__(self, images: np.ndarray, batch_size: int, seed: int, device: torch.device) -> None:
        self.images = torch.from_numpy(np.array(images)).to(device)
        self.batch_size = batch_size
        self.seed = seed
        self._offset = torch.tensor(-1.0, device=device)
        self.position = 0
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def __next__(self) -> Tensor:
        """The next batch: (batch_size, C, H, W), float32 in [-1, 1], channels-last in memory."""
        return self.scaled(self.next_indices())

    def next_indices(self) -> Tensor:
        """Which images the next batch has: int64 (batch_size,), on the device."""
        num = len(self.images)
        parts, missing = [], self.batch_size
        while missing:
            epoch, offset = divmod(self.position, num)
            part = self._permutation(epoch)[offset : offset + missing]
            parts.append(part)
            missing -= len(part)
            self.position += len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def scaled(self, indices: Tensor) -> Tensor:
        """Images by their indices (N,): (N, C, H, W), float32 in [-1, 1], channels-last in memory."""
        batch = self.images[indices].permute(0, 3, 1, 2)  # (N, H, W, C) -> (N, C, H, W), channels-last strides
        return torch.add(self._offset, batch, alpha=2 / 255)

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self.images))
            self._order = torch.from_numpy(order).to(self.images.device)
            self._epoch = epoch
        return self._order
