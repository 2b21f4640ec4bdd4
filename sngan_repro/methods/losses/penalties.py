"""Terms added to a loss, as pure functions of tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sngan_repro.nets.convolution import only_inputs


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, target: float = 1.0) -> Tensor:
    """E[(|grad f(v)|_2 - target)^2] at v = e x + (1 - e) y, one e ~ U[0, 1] per example.

    real, fake: (N, C, H, W), treated as constants. The norm is over all coordinates of one example and the penalty
    is two-sided (Gulrajani et al. 2017, eq. 3). Needs second derivatives, and runs in float32 also under autocast.
    """
    with torch.autocast(real.device.type, enabled=False):
        real, fake = real.detach().float(), fake.detach().float()
        e = torch.rand(real.shape[0], 1, 1, 1, device=real.device)
        v = torch.lerp(fake, real, e).requires_grad_()
        with only_inputs():
            output = critic(v)
        (gradient,) = torch.autograd.grad(output.sum(), v, create_graph=True)
        norms = gradient.flatten(1).norm(dim=1)  # (N,)
        return (norms - target).square().mean()


def pulling_away(codes: Tensor) -> Tensor:
    """1 / (N (N - 1)) * sum over i != j of cos(S_i, S_j)^2 (Zhao et al. 2017, eq. 14).

    codes: (N, d), N >= 2. In [0, 1]: 0 for orthogonal codes, 1 for parallel ones.
    """
    num = codes.shape[0]
    with torch.autocast(codes.device.type, enabled=False):
        unit = torch.nn.functional.normalize(codes.float(), dim=1)
        cosines = unit @ unit.t()  # (N, N)
    # The diagonal is taken out before the sum: subtracting N afterwards loses digits for small values.
    off_diagonal = cosines.masked_fill(torch.eye(num, dtype=torch.bool, device=codes.device), 0.0)
    return off_diagonal.square().sum() / (num * (num - 1))
