"""The gradient of D's loss against central finite differences, in float64."""

from __future__ import annotations

import torch
from torch import Tensor

from sngan_repro.extend.check_method.case import Case, Failure, seed
from sngan_repro.nets.interface import Batch
from sngan_repro.nets.parametrizations import WeightNormaliser
from sngan_repro.nets.singular import SingularVectors

STEPS = (1e-6, 1e-8)
"""A loss with kinks or with a large curvature needs the smaller one; the larger one has less rounding error."""
TOLERANCE = 1e-3
"""Relative to the largest derivative. Right gradients agree to about 1e-8; wrong ones differ by percents."""


def gradient_of_d(case: Case) -> None:
    """For each parameter of D, the derivative of `d_loss` along a random direction agrees with its gradient.

    Random numbers, the method's state and the vectors of spectral normalisation are the same at each evaluation.
    """
    image = case.images[0]
    method, _, D = case.build(image)
    D.double()
    for module in D.modules():
        if isinstance(module, WeightNormaliser | SingularVectors):
            module.eval()
    real, fake = (Batch(batch.images.double(), batch.labels) for batch in (case.batch(image), case.batch(image)))
    state = {name: value.double() if value.is_floating_point() else value for name, value in method.state.items()}

    def loss() -> Tensor:
        method.state = {name: value.clone() for name, value in state.items()}
        seed(1)
        return method.d_loss(D, real, fake)[0]

    parameters = {name: parameter for name, parameter in D.named_parameters() if parameter.requires_grad}
    try:
        gradients = torch.autograd.grad(loss(), list(parameters.values()), allow_unused=True)
    except RuntimeError as error:
        if "dtype" in str(error) or "scalar type" in str(error):
            return  # the method's own tensors are float32, so it cannot be evaluated in float64
        raise
    compared = {}
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        direction = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        direction /= direction.norm()
        exact, differences = 0.0 if gradient is None else (gradient * direction).sum().item(), []
        for step in STEPS:
            values = []
            for change in (step, -2 * step, step):  # in place: a method may hold the tensor
                with torch.no_grad():
                    parameter.add_(direction, alpha=change)
                values.append(loss().item())
            differences.append((values[0] - values[1]) / (2 * step))
        compared[name] = exact, min(differences, key=lambda found: abs(found - exact))
    largest = max(abs(difference) for _, difference in compared.values())
    for name, (exact, difference) in compared.items():
        if abs(exact - difference) > TOLERANCE * largest:
            found = f"the derivative of `d_loss` by `{name}` of D is {difference:.4g}, its gradient gives {exact:.4g}"
            needed = (
                "the gradient of the loss; look for `.detach()`, a custom autograd function without a right second "
                "derivative, `create_graph=False`, and layers that change their input in place"
            )
            raise Failure(found, needed, "d_loss")
