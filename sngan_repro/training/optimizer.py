"""Adam (Kingma and Ba 2015) by PyTorch's functional form, whose state is plain tensors.

The class ``torch.optim.Adam`` imports PyTorch's compiler at its first use, a second in every job.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

EPSILON = 1e-8


class Adam:
    """Fused Adam without weight decay over parameters of one device; like torch.optim.Adam to the last bit.

    ``rate`` is a tensor on a GPU when it changes during the training: a CUDA graph keeps what it reads at one address.
    """

    def __init__(
        self, parameters: list[nn.Parameter], rate: float, beta1: float, beta2: float, changing_rate: bool = False
    ) -> None:
        self.parameters = parameters
        self.beta1, self.beta2 = beta1, beta2
        self.device = parameters[0].device
        on_gpu = self.device.type == "cuda"
        self.rate: float | Tensor = torch.tensor(rate, device=self.device) if on_gpu and changing_rate else rate
        self.num_steps = [torch.zeros((), device=self.device) for _ in parameters]
        self.means = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.squares = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]

    def set_rate(self, rate: float) -> None:
        """The learning rate from the next step on."""
        if isinstance(self.rate, Tensor):
            self.rate.fill_(rate)
        else:
            self.rate = rate

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters along their ``grad``; one that never has a gradient stays where it is."""
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        adam(
            self.parameters,  # type: ignore[arg-type]
            gradients,
            self.means,
            self.squares,
            [],
            self.num_steps,
            fused=True,
            capturable=self.device.type == "cuda",
            amsgrad=False,
            beta1=self.beta1,
            beta2=self.beta2,
            lr=self.rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on but the parameters and the rate."""
        return {"num_steps": self.num_steps, "means": self.means, "squares": self.squares}

    @torch.no_grad()
    def load(self, state: dict[str, Any]) -> None:
        """Go on from ``state``. Raises ValueError when it is of other parameters."""
        for name, own in self.state().items():
            for mine, saved in zip(own, state[name], strict=True):
                mine.copy_(saved)
