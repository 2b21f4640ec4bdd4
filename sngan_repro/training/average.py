"""The moving average of G's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """G as it is sampled: ``net`` is a copy of G that moves towards G after each update.

    decay: the share of the old value in the new one; None: ``net`` stays as it is.
    """

    def __init__(self, G: nn.Module, decay: float | None) -> None:
        self.decay = decay
        self.net = copy.deepcopy(G).requires_grad_(False)
        kinds: dict[bool, list[tuple[Tensor, Tensor]]] = {True: [], False: []}
        for (name, mean), value in zip(self.net.state_dict().items(), G.state_dict().values(), strict=True):
            # A mean of singular vectors would not be of length 1, so the state of a normaliser is copied.
            kinds[mean.is_floating_point() and not name.endswith(".uv")].append((mean, value))
        self._averaged, self._copied = kinds[True], kinds[False]

    @torch.no_grad()
    def update(self) -> None:
        """Move ``net`` towards G; batch statistics are averaged like weights."""
        if self.decay is not None:
            torch._foreach_lerp_(*map(list, zip(*self._averaged, strict=True)), 1 - self.decay)  # type: ignore[call-overload]
            for mean, value in self._copied:
                mean.copy_(value)
