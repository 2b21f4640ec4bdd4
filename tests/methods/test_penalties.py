"""Gradient penalty and pulling-away term against hand-computed values."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.methods.losses.penalties import (
    PENALTIES,
    dragan_penalty,
    gradient_penalty,
    orthonormal_penalty,
    pulling_away,
    r1_penalty,
    spectral_penalty,
)
from sngan_repro.nets.interface import Batch, DOutput, ImageSpec
from sngan_repro.nets.parametrizations import WeightNormaliser
from sngan_repro.nets.singular import SingularVectors
from sngan_repro.nets.weights import original_weight, weighted_layers


def critic(f):
    """A discriminator from a function of images."""
    return lambda images, labels=None: DOutput(f(images))


HALF_SQUARE = critic(lambda v: v.square().flatten(1).sum(1) / 2)


def test_gradient_penalty_of_a_linear_critic():
    # f(x) = 3 x_1 + 4 x_2: the gradient norm is 5 everywhere, so the penalty is (5 - 1)^2.
    weight = torch.tensor([3.0, 4.0]).view(1, 1, 1, 2).requires_grad_()
    real, fake = torch.randn(6, 1, 1, 2), torch.randn(6, 1, 1, 2)
    penalty = gradient_penalty(critic(lambda v: (v * weight).flatten(1).sum(1)), Batch(real), Batch(fake))
    assert penalty.item() == pytest.approx(16.0, rel=1e-5)
    penalty.backward()
    # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    assert weight.grad.flatten().tolist() == pytest.approx([8 * 0.6, 8 * 0.8], rel=1e-5)


def test_gradient_penalty_is_per_example():
    # f(v) = |v|^2 / 2 has the gradient v itself: norms 1 and 3 where real equals fake, so (0 + 4) / 2.
    points = torch.tensor([[1.0, 0.0], [0.0, 3.0]]).view(2, 1, 1, 2)
    penalty = gradient_penalty(HALF_SQUARE, Batch(points), Batch(points))
    assert penalty.item() == pytest.approx(2.0)


def test_gradient_penalty_is_two_sided():
    points = torch.full((2, 1, 1, 1), 0.25)
    assert gradient_penalty(HALF_SQUARE, Batch(points), Batch(points)).item() == pytest.approx(0.5625)


def test_interpolates_lie_between_with_one_weight_per_example():
    seen = []

    def f(v):
        seen.append(v.detach())
        return v.flatten(1).sum(1)

    torch.manual_seed(0)
    gradient_penalty(critic(f), Batch(torch.ones(500, 1, 2, 2)), Batch(torch.zeros(500, 1, 2, 2)))
    weights = seen[0].flatten(1)
    assert torch.equal(weights, weights[:, :1].expand(-1, 4))  # the same e for all coordinates of one example
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert weights[:, 0].unique().numel() > 400  # one e per example, not one per batch
    assert weights[:, 0].mean().item() == pytest.approx(0.5, abs=0.05)


def test_pulling_away_by_hand():
    # cosines: (1,2): 0, (1,3): 1/sqrt(2), (2,3): 1/sqrt(2); squares summed over ordered pairs: 2 (0.5 + 0.5) = 2
    codes = torch.tensor([[2.0, 0.0], [0.0, 5.0], [1.0, 1.0]])
    assert pulling_away(codes).item() == pytest.approx(2 / 6)


def test_pulling_away_limits_and_scale_freedom():
    assert pulling_away(torch.eye(4)).item() == 0.0
    assert pulling_away(torch.ones(4, 3)).item() == pytest.approx(1.0)
    codes = torch.randn(5, 3)
    scales = torch.tensor([[1.0], [10], [0.1], [3], [7]])
    assert pulling_away(codes * scales).item() == pytest.approx(pulling_away(codes).item(), rel=1e-5)


def test_r1_by_hand():
    # f(x) = |x|^2 / 2 has the gradient x: squared norms 1 and 9, so (1 + 9) / 2 / 2.
    points = torch.tensor([[1.0, 0.0], [0.0, 3.0]]).view(2, 1, 1, 2)
    assert r1_penalty(HALF_SQUARE, Batch(points), Batch(points * 7)).item() == pytest.approx(2.5)
    assert not points.requires_grad


def test_orthonormal_penalty_by_hand():
    # Rows (2, 0) and (0, 1): W W^T = diag(4, 1), so |W W^T - I|^2 = 9. Columns of a 3 x 1 weight of norm^2 5: 16.
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(1, 3))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
        net[1].weight.copy_(torch.tensor([[0.0], [1.0], [2.0]]))
    empty = Batch(torch.zeros(1))
    assert orthonormal_penalty(net, empty, empty).item() == pytest.approx(25.0)
    nn.init.orthogonal_(net[0].weight)
    nn.init.orthogonal_(net[1].weight)
    assert orthonormal_penalty(net, empty, empty).item() == pytest.approx(0.0, abs=1e-10)


def test_penalties_get_the_labels_of_the_real_images():
    seen = []

    def D(images, labels=None):
        seen.append(labels)
        return HALF_SQUARE(images)

    labels = torch.tensor([4, 5])
    real, fake = Batch(torch.ones(2, 1, 2, 2), labels), Batch(torch.zeros(2, 1, 2, 2), labels + 1)
    gradient_penalty(D, real, fake)
    r1_penalty(D, real, fake)
    assert all(given is labels for given in seen)
    assert len(seen) == 2


def test_dragan_by_hand():
    # f(v) = |v|^2 / 2 has the gradient v = x + sd(x) / 2 e. Where sd(x) = 0, v = x: norms 1 and 1, so 0.
    constant = torch.full((2, 1, 1, 4), 0.5)
    assert dragan_penalty(HALF_SQUARE, Batch(constant), Batch(constant)).item() == pytest.approx(0.0, abs=1e-12)
    seen = []

    def f(v):
        seen.append(v.detach())
        return v.flatten(1).sum(1)

    torch.manual_seed(0)
    x = torch.tensor([-1.0, 1.0]).repeat(500).view(1000, 1, 1, 1).expand(-1, 1, 1, 3)  # SD 1
    dragan_penalty(critic(f), Batch(x), Batch(x))
    noise = seen[0] - x  # uniform on [0, 1/2] for each pixel
    assert noise.min() >= 0
    assert noise.max() <= 0.5
    assert noise.mean().item() == pytest.approx(0.25, abs=0.01)
    assert noise[0, 0, 0].unique().numel() == 3


def test_spectral_penalty_by_hand():
    """After enough power iterations: 1/2 the sum of squared largest singular values, gradient sigma u v^T."""
    torch.manual_seed(0)
    D = family_critic()
    PENALTIES["spectral"].prepare(D)
    empty = Batch(torch.zeros(1))
    before = D.state_dict()["features.0.singular_vectors.u"].clone()
    for _ in range(300):
        penalty = spectral_penalty(D, empty, empty)
    weights = [original_weight(layer) for _, layer in weighted_layers(D)]
    largest = [torch.linalg.svdvals(weight.flatten(1))[0] for weight in weights]
    assert penalty.item() == pytest.approx(float(sum(sigma.detach() ** 2 for sigma in largest) / 2), rel=1e-5)
    (gradient,) = torch.autograd.grad(penalty, [weights[0]])
    u, values, vt = torch.linalg.svd(weights[0].flatten(1))
    torch.testing.assert_close(
        gradient.flatten(1), values[0] * torch.outer(u[:, 0], vt[0]), rtol=1e-3, atol=1e-4, check_dtype=False
    )
    assert not torch.equal(before, D.state_dict()["features.0.singular_vectors.u"])  # kept, so saved and resumed
    D.eval()
    kept = D.state_dict()["features.0.singular_vectors.u"].clone()
    spectral_penalty(D, empty, empty)
    assert torch.equal(kept, D.state_dict()["features.0.singular_vectors.u"])


class Residual(nn.Module):
    """Two pre-activation residual blocks with a smooth or a piecewise linear activation."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(2))
        self.activation, self.dense = activation, nn.Linear(3, 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DOutput:
        x = self.first(images)  # (N, 3, H, W)
        for block in self.blocks:
            x = x + block(self.activation(x))
        return DOutput(self.dense(self.activation(x).sum((2, 3))).squeeze(1))


class Plain(nn.Module):
    """A convolution, an activation or normaliser, and a dense layer."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), *layers, nn.Flatten(), nn.Linear(4 * 7 * 7, 1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DOutput:
        return DOutput(self.layers(images).squeeze(1))


def family_critic(family: str = "cnn", **options) -> nn.Module:
    size = {"cnn": 16, "resnet": 32}[family]
    return nets.build_discriminator(NetsSpec(family=family, width=2, z_dim=4), ImageSpec(1, size), **options)


CRITICS = {
    "no normaliser": family_critic,
    "layer norm": lambda: family_critic(norm=nets.layer_norm),
    "batch norm": lambda: family_critic(norm=nets.batch_norm),
    "spectral norm": lambda: family_critic(weights="spectral"),
    "weight norm": lambda: family_critic(weights="weight"),
    "spectral norm with gains": lambda: family_critic(weights="spectral", weights_options={"gain": True}),
    "weight norm with gains": lambda: family_critic(weights="weight", weights_options={"gain": True}),
    "residual network": lambda: family_critic(family="resnet"),
    "softplus": lambda: Plain(nn.Softplus()),
    "group norm after a convolution": lambda: Plain(nn.GroupNorm(1, 4), nn.LeakyReLU(0.2)),
    "residual skip": lambda: Residual(nn.LeakyReLU(0.1)),
    "residual skip, softplus": lambda: Residual(nn.Softplus()),
}


@pytest.mark.parametrize("kind", CRITICS)
@pytest.mark.parametrize("name", PENALTIES)
def test_gradient_by_the_weights_against_finite_differences(kind: str, name: str):
    """In float64, for each parameter of D along a random direction: central differences."""
    assert worst_error(kind, name) < 1e-5


def worst_error(kind: str, name: str, step: float = 1e-6) -> float:
    """Largest error of a directional derivative over D's parameters, relative to the largest derivative."""
    torch.manual_seed(0)
    D = CRITICS[kind]().double()
    if PENALTIES[name].prepare:
        PENALTIES[name].prepare(D)
    for module in D.modules():
        if isinstance(module, WeightNormaliser | SingularVectors):
            module.eval()  # with u and v fixed, sigma is linear in W
    size = 32 if kind == "residual network" else 16
    real, fake = (Batch(torch.rand(4, 1, size, size, dtype=torch.float64) * 2 - 1) for _ in range(2))

    def penalty() -> Tensor:
        torch.manual_seed(1)  # the same interpolates
        return PENALTIES[name].function(D, real, fake)

    parameters = [parameter for parameter in D.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(penalty(), parameters, allow_unused=True)
    derivatives, errors = [], []
    for parameter, gradient in zip(parameters, gradients, strict=True):
        direction = torch.randn(parameter.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        direction /= direction.norm()
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter += sign * step * direction
            values.append(penalty().item())
            with torch.no_grad():
                parameter -= sign * step * direction
        difference = (values[0] - values[1]) / (2 * step)
        exact = 0.0 if gradient is None else (gradient * direction).sum().item()
        derivatives.append(abs(difference))
        errors.append(abs(exact - difference))
    assert max(derivatives) > 1e-4  # there is something to compare
    return max(errors) / max(derivatives)
