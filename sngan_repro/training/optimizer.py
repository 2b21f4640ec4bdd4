"""Adam (Kingma and Ba 2015) by PyTorch's functional form, whose state is plain tensors.

The class ``torch.optim.Adam`` imports PyTorch's compiler at its first use, which takes a second in every job. Names
are those of torch: ``lr``, ``exp_avg``, ``exp_avg_sq``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

EPSILON = 1e-8


class Adam:
    """Fused Adam without weight decay over parameters of one device; equal to torch.optim.Adam bit for bit.

    lr_changes: True if :meth:`set_lr` will be called. Then ``lr`` is a tensor on a GPU, since a CUDA graph reads it at
    a fixed address.
    """

    def __init__(
        self, parameters: list[nn.Parameter], lr: float, beta1: float, beta2: float, lr_changes: bool = False
    ) -> None:
        self.parameters = parameters
        self.beta1, self.beta2 = beta1, beta2
        self.device = parameters[0].device
        on_gpu = self.device.type == "cuda"
        self.lr: float | Tensor = torch.tensor(lr, device=self.device) if on_gpu and lr_changes else lr
        self.step_counts = [torch.zeros((), device=self.device) for _ in parameters]
        self.exp_avg = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.exp_avg_sq = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of the next steps."""
        if isinstance(self.lr, Tensor):
            self.lr.fill_(lr)
        else:
            self.lr = lr

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters along their ``grad``. A parameter that never has a gradient keeps its value."""
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        adam(
            self.parameters,  # type: ignore[arg-type]
            gradients,
            self.exp_avg,
            self.exp_avg_sq,
            [],
            self.step_counts,
            fused=True,
            capturable=self.device.type == "cuda",
            amsgrad=False,
            beta1=self.beta1,
            beta2=self.beta2,
            lr=self.lr,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything the next step depends on, besides the parameters and the learning rate."""
        return {"step": self.step_counts, "exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``. Raises ValueError when it belongs to other parameters."""
        for name, own in self.state_dict().items():
            for mine, saved in zip(own, state[name], strict=True):
                mine.copy_(saved)
