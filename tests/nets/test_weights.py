"""Weight normalisers against their definitions and SVD; spectral norms of effective weights; clipping."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.nets.initialisation import initialise
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.spectral_norm import SpectralNorm
from sngan_repro.nets.weights import (
    WEIGHT_NORMALISERS,
    clip_weights,
    effective_weight,
    is_transposed,
    normalise_weights,
    normalisers_of,
    original_weight,
    spectral_norms,
    weight_matrix,
)

LAYERS = {
    "dense": lambda: nn.Linear(6, 4),
    "convolution": lambda: nn.Conv2d(5, 7, 3),
    "transposed convolution": lambda: nn.ConvTranspose2d(5, 7, 4, 2),
    "1d convolution": lambda: nn.Conv1d(3, 5, 4),
}


def layer_of(kind: str, normaliser: str = "spectral", iterations: int = 50, **options) -> nn.Module:
    """A layer with a normaliser, initialised; spectral normalisation starts with that many iterations."""
    torch.manual_seed(0)
    layer = normalise_weights(LAYERS[kind](), normaliser, **options)
    initialise(layer, "xavier")
    for found in normalisers_of(layer):
        if isinstance(found, SpectralNorm):
            found.reset(original_weight(layer), iterations)
    return layer


def singular_values(layer: nn.Module) -> Tensor:
    return torch.linalg.svdvals(weight_matrix(layer))


@pytest.mark.parametrize("kind", LAYERS)
def test_spectral_norm_against_svd(kind: str):
    layer = layer_of(kind, iterations=300)
    original = original_weight(layer).detach()
    matrix = (original.transpose(0, 1) if is_transposed(layer) else original).flatten(1)
    assert effective_weight(layer).shape == original.shape
    assert singular_values(layer)[0].item() == pytest.approx(1.0, abs=1e-5)
    expected = original / torch.linalg.svdvals(matrix)[0]
    torch.testing.assert_close(effective_weight(layer), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_weight_norm_and_frobenius_norm(kind: str):
    rows = weight_matrix(layer_of(kind, "weight"))
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows), dtype=torch.float64), rtol=1e-6, atol=1e-6)
    layer = layer_of(kind, "frobenius")
    assert effective_weight(layer).norm().item() == pytest.approx(1.0, rel=1e-6)
    torch.testing.assert_close(effective_weight(layer), original_weight(layer) / original_weight(layer).norm())


def test_target_and_number_of_power_iterations():
    layer = layer_of("convolution", target=2.5, iterations=300)
    assert singular_values(layer)[0].item() == pytest.approx(2.5, abs=1e-4)
    one, three = (layer_of("dense", num_iterations=count, iterations=1) for count in (1, 3))
    x = torch.randn(2, 6)
    for _ in range(3):
        one(x)
    three(x)
    assert torch.equal(normalisers_of(one)[0].uv, normalisers_of(three)[0].uv)


def test_power_iteration_advances_in_training_forwards_only():
    layer = layer_of("dense", iterations=1)
    normaliser, x = normalisers_of(layer)[0], torch.randn(3, 6)
    before = normaliser.u.clone()
    layer(x)
    assert not torch.equal(normaliser.u, before)
    frozen = normaliser.uv.clone()
    spectral_norms(nn.Sequential(layer))
    effective_weight(layer)
    assert torch.equal(normaliser.uv, frozen)
    assert normaliser.training
    layer.eval()
    layer(x)
    assert torch.equal(normaliser.uv, frozen)


def test_one_iteration_per_forward_converges_to_svd():
    """Warm-started u: many forwards with one iteration each give the largest singular value."""
    layer = layer_of("convolution", iterations=0)
    for _ in range(300):
        layer(torch.zeros(1, 5, 3, 3))
    assert singular_values(layer)[0].item() == pytest.approx(1.0, abs=1e-5)


def test_burn_in_removes_the_first_underestimates():
    torch.manual_seed(0)
    D = nets.build_discriminator(NetsSpec(width=16), ImageSpec(3, 32), weights="spectral")
    assert all(0.99 < norm < 1.06 for norm in spectral_norms(D).values())


def test_state_is_saved():
    first, second = layer_of("dense", iterations=1), layer_of("dense", iterations=2)
    second.load_state_dict(first.state_dict())
    x = torch.randn(2, 6)
    assert torch.equal(first(x), second(x))
    assert torch.equal(normalisers_of(first)[0].uv, normalisers_of(second)[0].uv)


def test_a_copy_has_a_state_of_its_own():
    layer = layer_of("dense", iterations=1)
    other = copy.deepcopy(layer)
    layer(torch.randn(2, 6))
    assert not torch.equal(normalisers_of(layer)[0].uv, normalisers_of(other)[0].uv)


def test_gradient_through_sigma():
    """dL/dW = (G - <G, W'> u v^T) / sigma with u, v constant (Miyato et al. 2018, eq. 11-12)."""
    layer = layer_of("dense", iterations=100)
    layer.eval()
    x, y = torch.randn(5, 6), torch.randn(5, 4)
    (layer(x) * y).sum().backward()
    weight, normaliser = original_weight(layer), normalisers_of(layer)[0]
    matrix, u, v = weight.detach(), normaliser.u, normaliser.v
    sigma = u @ matrix @ v
    g = y.t() @ x
    expected = (g - (g * matrix / sigma).sum() * torch.outer(u, v)) / sigma
    assert torch.allclose(weight.grad, expected, atol=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(
    ("normaliser", "options"),
    [("spectral", {}), ("spectral", {"target": 3.0}), ("weight", {}), ("frobenius", {})],
)
def test_gradients_against_finite_differences(kind: str, normaliser: str, options: dict):
    layer = layer_of(kind, normaliser, **options).double().eval()
    weight = original_weight(layer)
    direction = torch.randn(effective_weight(layer).shape, dtype=torch.float64)

    def value(w: Tensor) -> Tensor:
        return (normalisers_of(layer)[0](w) * direction).sum()

    assert torch.autograd.gradcheck(value, (weight.detach().clone().requires_grad_(),), atol=1e-7)


def test_power_iterations_stay_float32_under_autocast():
    layer = layer_of("dense")
    other = copy.deepcopy(layer)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = layer.weight
        assert layer(torch.randn(2, 6)).dtype == torch.bfloat16
    exact = other.weight
    assert (rounded.dtype, exact.dtype) == (torch.bfloat16, torch.float32)
    assert torch.equal(rounded, exact.bfloat16())  # rounded once, after everything else
    _ = other.weight  # the forward above made an iteration, too
    assert normalisers_of(layer)[0].uv.dtype == torch.float32
    assert torch.equal(normalisers_of(layer)[0].uv, normalisers_of(other)[0].uv)


@pytest.mark.parametrize("kind", WEIGHT_NORMALISERS)
def test_a_channels_last_weight_gives_the_same_numbers(kind: str):
    layer = layer_of("convolution", kind)
    other = copy.deepcopy(layer).to(memory_format=torch.channels_last)
    assert original_weight(other).is_contiguous(memory_format=torch.channels_last)
    x = torch.randn(2, 5, 8, 8)
    torch.testing.assert_close(layer(x), other(x), rtol=1e-5, atol=1e-6)


def test_normalisers_draw_no_weights():
    """With one seed, D starts from the same weights under every normaliser that draws no random numbers."""
    weights = []
    for kind in (None, "weight", "frobenius"):
        torch.manual_seed(5)
        D = nets.build_discriminator(NetsSpec(width=4), ImageSpec(1, 16), weights=kind)
        weights.append([original_weight(layer) for layer in (D.features[0], D.dense)])
    for found in weights[1:]:
        assert all(torch.equal(a, b) for a, b in zip(weights[0], found, strict=True))


def test_spectral_norms_measure_effective_weights():
    torch.manual_seed(0)
    D = nets.build_autoencoder_discriminator(NetsSpec(width=4, z_dim=8), ImageSpec(1, 16), 5)
    norms = spectral_norms(D)
    deconvolution = D.decoder[1]
    assert isinstance(deconvolution, nn.ConvTranspose2d)
    expected = torch.linalg.svdvals(deconvolution.weight.transpose(0, 1).flatten(1).double())[0].item()
    assert norms["decoder.1"] == pytest.approx(expected, rel=1e-8)
    assert norms["to_code"] == pytest.approx(torch.linalg.svdvals(D.to_code.weight.double())[0].item(), rel=1e-8)
    with torch.no_grad():
        D.to_code.weight[0, 0] = float("inf")
    assert spectral_norms(D)["to_code"] != spectral_norms(D)["to_code"]  # NaN


@pytest.mark.parametrize("only_convolutions", [False, True])
def test_clipping(only_convolutions: bool):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 1))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.linspace(-1, 1, parameter.numel()).view_as(parameter))
        net[2].bias.fill_(0.7)
    before = copy.deepcopy(net.state_dict())
    clip_weights(net, 0.01, only_convolutions)
    for name, parameter in net.named_parameters():
        clipped = name == "0.weight" or not only_convolutions
        expected = before[name].clamp(-0.01, 0.01) if clipped else before[name]
        assert torch.equal(parameter, expected), name
