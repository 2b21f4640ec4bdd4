"""Adam and RMSProp by PyTorch's functional forms, whose state is plain tensors.

The classes of ``torch.optim`` import PyTorch's compiler at their first use, which takes a second in every job. Names
are those of torch: ``lr``, ``exp_avg``, ``exp_avg_sq``, ``square_avg``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.specs import RunSpec

EPSILON = 1e-8


class Optimizer(ABC):
    """An optimizer without weight decay over parameters of one device.

    lr_changes: True if :meth:`set_lr` will be called. Then ``lr`` is a tensor on a GPU, since a CUDA graph reads it at
    a fixed address.
    """

    def __init__(self, parameters: list[nn.Parameter], lr: float, lr_changes: bool = False) -> None:
        self.parameters = parameters
        self.device = parameters[0].device
        self.on_gpu = self.device.type == "cuda"
        self.lr: float | Tensor = torch.tensor(lr, device=self.device) if self.on_gpu and lr_changes else lr
        self.step_counts = [torch.zeros((), device=self.device) for _ in parameters]

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of the next steps."""
        if isinstance(self.lr, Tensor):
            self.lr.fill_(lr)
        else:
            self.lr = lr

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters along their ``grad``. A parameter that never has a gradient keeps its value."""
        self._update([torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters])

    @abstractmethod
    def _update(self, gradients: list[Tensor]) -> None: ...

    @abstractmethod
    def state_dict(self) -> dict[str, list[Tensor]]:
        """Everything the next step depends on, besides the parameters and the learning rate."""

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``. Raises ValueError when it belongs to other parameters."""
        for name, own in self.state_dict().items():
            for mine, saved in zip(own, state[name], strict=True):
                mine.copy_(saved)

    def _zeros(self) -> list[Tensor]:
        return [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.parameters]


class Adam(Optimizer):
    """Fused Adam (Kingma and Ba 2015); equal to torch.optim.Adam bit for bit."""

    def __init__(
        self, parameters: list[nn.Parameter], lr: float, beta1: float, beta2: float, lr_changes: bool = False
    ) -> None:
        super().__init__(parameters, lr, lr_changes)
        self.beta1, self.beta2 = beta1, beta2
        self.exp_avg, self.exp_avg_sq = self._zeros(), self._zeros()

    def _update(self, gradients: list[Tensor]) -> None:
        adam(
            self.parameters,  # type: ignore[arg-type]
            gradients,
            self.exp_avg,
            self.exp_avg_sq,
            [],
            self.step_counts,
            fused=True,
            capturable=self.on_gpu,
            amsgrad=False,
            beta1=self.beta1,
            beta2=self.beta2,
            lr=self.lr,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {"step": self.step_counts, "exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq}


class RMSProp(Optimizer):
    """RMSProp without momentum (Tieleman and Hinton 2012); equal to torch.optim.RMSprop bit for bit.

    alpha: the decay of the mean squared gradient.
    """

    def __init__(self, parameters: list[nn.Parameter], lr: float, alpha: float, lr_changes: bool = False) -> None:
        super().__init__(parameters, lr, lr_changes)
        self.alpha = alpha
        self.square_avg = self._zeros()

    def _update(self, gradients: list[Tensor]) -> None:
        rmsprop(
            self.parameters,  # type: ignore[arg-type]
            gradients,
            self.square_avg,
            [],
            [],
            self.step_counts,
            foreach=self.on_gpu,
            capturable=self.on_gpu,
            lr=self.lr,
            alpha=self.alpha,
            eps=EPSILON,
            weight_decay=0.0,
            momentum=0.0,
            centered=False,
        )

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {"step": self.step_counts, "square_avg": self.square_avg}


@contextmanager
def frozen(parameters: list[nn.Parameter]) -> Iterator[None]:
    """In the block, no gradients are computed for the parameters."""
    try:
        for parameter in parameters:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def make_optimizer(spec: OptimizerSpec, parameters: list[nn.Parameter], lr: float, lr_changes: bool) -> Optimizer:
    """The optimizer of a setting."""
    if spec.optimizer == "rmsprop":
        assert spec.alpha is not None
        return RMSProp(parameters, lr, spec.alpha, lr_changes)
    assert spec.beta1 is not None
    assert spec.beta2 is not None
    return Adam(parameters, lr, spec.beta1, spec.beta2, lr_changes)


def learning_rates(spec: RunSpec, total_steps: int, steps: int | np.ndarray) -> tuple[Any, Any]:
    """Learning rates of D and G for the update after ``steps`` of ``total_steps`` updates (an array gives arrays)."""
    lr_d, lr_g = spec.optimizer.rates
    start = spec.training.lr_decay_from
    if start is None:
        return lr_d + 0 * steps, lr_g + 0 * steps
    factor = np.clip((total_steps - steps) / (total_steps * (1 - start)), 0, 1)
    return lr_d * factor, lr_g * factor
