"""Terms added to a loss. No torch until they are used.

A penalty of D is a function ``(D, real, fake) -> scalar`` of the discriminator and the two batches. It is computed in
float32, also under autocast, and its gradient by D's weights is right for every D: plain autograd differentiates it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sngan_repro.core.lazy import torch
from sngan_repro.nets.interface import Batch, DOutput
from sngan_repro.nets.precision import full_precision

if TYPE_CHECKING:
    from torch import Tensor

Discriminator = Callable[..., DOutput]
"""D(images, labels=None) -> DOutput"""


def gradient_penalty(D: Discriminator, real: Batch, fake: Batch, target: float = 1.0) -> Tensor:
    """E[(|grad f(v)|_2 - target)^2] at v = e x + (1 - e) y, one e ~ U[0, 1] per example.

    Images (N, C, H, W) are constants. The norm is over all coordinates of one example, and the penalty is two-sided
    (Gulrajani et al. 2017, eq. 3). A conditional D gets the labels of the real images. Needs second derivatives.
    """
    with torch.autocast(real.images.device.type, enabled=False):
        x, y = full_precision(real.images.detach()), full_precision(fake.images.detach())
        e = torch.rand(x.shape[0], 1, 1, 1, device=x.device, dtype=x.dtype)
        v = torch.lerp(y, x, e)  # (N, C, H, W)
        return (_input_gradient_norms(D, Batch(v, real.labels)) - target).square().mean()


def r1_penalty(D: Discriminator, real: Batch, fake: Batch) -> Tensor:
    """1/2 E[|grad f(x)|_2^2] at the real images x (Mescheder et al. 2018, eq. 9). Needs second derivatives."""
    del fake
    with torch.autocast(real.images.device.type, enabled=False):
        return _input_gradient_norms(D, Batch(full_precision(real.images.detach()), real.labels)).square().mean() / 2


def dragan_penalty(D: Discriminator, real: Batch, fake: Batch) -> Tensor:
    """E[(|grad f(v)|_2 - 1)^2] at v = x + 1/2 sd(x) e, e ~ U[0, 1] for each pixel (Kodali et al. 2017).

    sd(x) is one number, over the whole batch of real images. The paper states no law of the noise; this is the one of
    chainer-gan-lib. Needs second derivatives.
    """
    del fake
    with torch.autocast(real.images.device.type, enabled=False):
        x = full_precision(real.images.detach())
        v = x + 0.5 * x.std(correction=0) * torch.rand_like(x)  # (N, C, H, W)
        return (_input_gradient_norms(D, Batch(v, real.labels)) - 1).square().mean()


def _input_gradient_norms(D: Discriminator, batch: Batch) -> Tensor:
    """Euclidean norm of the gradient of f at each image, (N,), differentiable by D's weights."""
    images = batch.images.requires_grad_()
    logits = D(images, batch.labels).logits
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.flatten(1).norm(dim=1)


def orthonormal_penalty(D: Any, real: Batch, fake: Batch) -> Tensor:
    """sum over layers of |W W^T - I|_F^2, W as a matrix with the smaller Gram matrix (Brock et al. 2017).

    W (d_out, d_in h w) is the trained weight of a convolution or dense layer of D, before any weight normaliser; W^T
    takes its place where d_out is larger, so that orthonormal rows or columns are possible.
    """
    from sngan_repro.nets.weights import is_transposed, original_weight, weighted_layers

    del real, fake
    terms = []
    for _, layer in weighted_layers(D):
        weight = full_precision(original_weight(layer))
        with torch.autocast(weight.device.type, enabled=False):
            matrix = (weight.transpose(0, 1) if is_transposed(layer) else weight).flatten(1)  # (d_out, d)
            if matrix.shape[0] > matrix.shape[1]:
                matrix = matrix.t()
            gram = matrix @ matrix.t()
            terms.append((gram - torch.eye(len(gram), device=gram.device, dtype=gram.dtype)).square().sum())
    return torch.stack(terms).sum()


def spectral_penalty(D: Any, real: Batch, fake: Batch) -> Tensor:
    """1/2 the sum over layers of sigma_1(W)^2, one power iteration per call (Yoshida and Miyato 2017, eq. 6).

    The gradient by W is sigma_1 u v^T: the singular vectors are constants. They are kept in D from call to call (see
    :mod:`sngan_repro.nets.singular`), and D must have been prepared by ``keep_singular_vectors``.
    """
    from sngan_repro.nets.singular import estimated_spectral_norms

    del real, fake
    with torch.autocast(next(D.parameters()).device.type, enabled=False):
        return torch.stack(estimated_spectral_norms(D)).square().sum() / 2


def _keep_singular_vectors(D: Any) -> None:
    from sngan_repro.nets.singular import keep_singular_vectors

    keep_singular_vectors(D)


class Penalty(NamedTuple):
    """A penalty of D."""

    function: Callable[[Any, Batch, Batch], Tensor]
    weight: float
    """The usual weight, the default of the option ``penalty_weight``."""
    equation: str
    """The term in LaTeX, without its weight: x real, y = G(z), f the logit of D."""
    where: str
    """Definitions of symbols in the equation, in LaTeX; empty if there are none."""
    source: str
    """Citation keys of report/references.bib."""
    summary: str
    prepare: Callable[[Any], None] | None = None
    """Called once with the initialised D, for a penalty that keeps a state in D's buffers."""
    symbols: Mapping[str, str] = {}
    """Symbols of the equation in LaTeX -> their meaning, as in ``Method.symbols``."""
    second_derivatives: bool = False
    """True if it contains a gradient of f. ``torch.compile`` does not support the gradient of a gradient."""


_GRADIENT = {r"\nabla f": "the gradient of $f$ by the image"}
_UNIFORM = {"U[0, 1]": "the uniform distribution", **_GRADIENT}
_LAYERS = {"W_l": "the weight of layer $l$ of $D$ as a matrix"}
PENALTIES = {
    "gradient": Penalty(
        gradient_penalty,
        10.0,
        r"\mathbb{E}[(\lVert\nabla f(v)\rVert_2 - 1)^2]",
        r"v = \epsilon x + (1 - \epsilon) y,\ \epsilon \sim U[0, 1]",
        "gulrajani2017",
        "gradient penalty per example",
        symbols={"v": "a point between a real and a generated image", r"\epsilon": "a number per image", **_UNIFORM},
        second_derivatives=True,
    ),
    "r1": Penalty(
        r1_penalty,
        10.0,
        r"\tfrac{1}{2}\mathbb{E}[\lVert\nabla f(x)\rVert_2^2]",
        "",
        "mescheder2018",
        "gradient penalty at the real images",
        symbols=_GRADIENT,
        second_derivatives=True,
    ),
    "dragan": Penalty(
        dragan_penalty,
        10.0,
        r"\mathbb{E}[(\lVert\nabla f(v)\rVert_2 - 1)^2]",
        r"v = x + \tfrac{1}{2}\,\mathrm{sd}(x)\,\epsilon,\ \epsilon \sim U[0, 1]",
        "kodali2017",
        "gradient penalty near the real images",
        symbols={
            "v": "a point near a real image",
            r"\epsilon": "a number per pixel",
            **_UNIFORM,
            r"\mathrm{sd}(x)": "the standard deviation of all pixels of the batch",
        },
        second_derivatives=True,
    ),
    "orthonormal": Penalty(
        orthonormal_penalty,
        1e-4,
        r"\textstyle\sum_l \lVert W_l W_l^{\top} - I\rVert_F^2",
        "",
        "brock2017",
        "orthonormal regularisation of D's weights",
        symbols={**_LAYERS, "I": "the identity matrix", r"\lVert\cdot\rVert_F": "the Frobenius norm"},
    ),
    "spectral": Penalty(
        spectral_penalty,
        0.01,
        r"\tfrac{1}{2}\textstyle\sum_l \sigma_1(W_l)^2",
        "",
        "yoshida2017",
        "penalty on the spectral norms of D's weights",
        _keep_singular_vectors,
        {**_LAYERS, r"\sigma_1": "the largest singular value"},
    ),
}
"""Values of the option ``penalty`` of the method ``gan``. A new penalty is a function and an entry here."""


def pulling_away(codes: Tensor) -> Tensor:
    """1 / (N (N - 1)) * sum over i != j of cos(S_i, S_j)^2 (Zhao et al. 2017, eq. 14).

    codes: (N, d), N >= 2. In [0, 1]: 0 for orthogonal codes, 1 for parallel ones.
    """
    num = codes.shape[0]
    with torch.autocast(codes.device.type, enabled=False):
        unit = torch.nn.functional.normalize(full_precision(codes), dim=1)
        cosines = unit @ unit.t()  # (N, N)
    # The diagonal is taken out before the sum: subtracting N afterwards loses digits for small values.
    off_diagonal = cosines.masked_fill(torch.eye(num, dtype=torch.bool, device=codes.device), 0.0)
    return off_diagonal.square().sum() / (num * (num - 1))
