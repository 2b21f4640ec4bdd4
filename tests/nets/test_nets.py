"""Networks: shapes, the paper's parameter counts, spectral normalisation against SVD, the normalisers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec

SMALL = NetsSpec(width=4, z_dim=8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 20, 28, 32, 36, 44, 48, 64, 100, 128])
def test_shapes(size: int, channels: int):
    shape = (channels, size, size)
    images = nets.build_generator(SMALL, shape)(torch.randn(2, 8))
    assert images.shape == (2, *shape)
    assert images.abs().max() <= 1
    assert nets.build_discriminator(SMALL, shape, spectral_norm=True)(images).shape == (2,)
    reconstruction, code = nets.build_autoencoder_discriminator(SMALL, shape, code_dim=5)(images)
    assert reconstruction.shape == images.shape
    assert code.shape == (2, 5)


def test_parameter_counts_of_the_paper():
    """Miyato et al. 2018, Table 3 at 32 x 32: 3,812,355 and 2,935,873 parameters."""
    assert nets.count_parameters(nets.build_generator(NetsSpec(), (3, 32, 32))) == 3_812_355
    assert nets.count_parameters(nets.build_discriminator(NetsSpec(), (3, 32, 32))) == 2_935_873


@pytest.mark.parametrize(("size", "expected"), [(32, (4, 4)), (48, (6, 4)), (28, (7, 3)), (16, (4, 3)), (128, (4, 6))])
def test_pyramid(size: int, expected: tuple[int, int]):
    innermost, channels = nets.pyramid(size, 64)
    assert (innermost, len(channels)) == expected
    assert max(channels) <= 512


def svd_norm(layer: nn.Module) -> float:
    return float(torch.linalg.svdvals(layer.normalised_weight(advance=False).detach().flatten(1).double())[0])


def test_spectral_norm_against_svd():
    torch.manual_seed(0)
    layer = nets.SNConv2d(5, 7, 3)
    layer.reset_power_iteration(50)
    assert svd_norm(layer) == pytest.approx(1.0, abs=1e-3)


def test_burn_in_removes_the_first_underestimates():
    torch.manual_seed(0)
    D = nets.build_discriminator(NetsSpec(width=16), (3, 32, 32), spectral_norm=True)
    assert all(0.99 < norm < 1.06 for norm in nets.spectral_norms(D).values())


def test_power_iteration_advances_in_training_only():
    layer = nets.SNLinear(6, 4)
    layer.reset_power_iteration(1)
    x = torch.randn(3, 6)
    before = layer.u.clone()
    layer(x)
    assert not torch.equal(layer.u, before)
    frozen = layer.u.clone()
    layer.eval()
    layer(x)
    nets.spectral_norms(nn.Sequential(layer))
    assert torch.equal(layer.u, frozen)


def test_one_iteration_per_forward_converges_to_svd():
    """Warm-started u: many forwards with one iteration each give the largest singular value."""
    torch.manual_seed(1)
    layer = nets.SNLinear(20, 10)
    layer.reset_power_iteration(0)
    for _ in range(300):
        layer(torch.zeros(1, 20))
    assert svd_norm(layer) == pytest.approx(1.0, abs=1e-5)


def test_power_iteration_state_is_saved():
    layer, other = nets.SNLinear(6, 4), nets.SNLinear(6, 4)
    layer.reset_power_iteration()
    other.reset_power_iteration()
    assert "uv" in layer.state_dict()
    other.load_state_dict(layer.state_dict())
    x = torch.randn(2, 6)
    assert torch.equal(layer(x), other(x))


def test_gradient_through_sigma():
    """dL/dW = (G - <G, W'> u v^T) / sigma with u, v constant (Miyato et al. 2018, eq. 11-12)."""
    torch.manual_seed(2)
    layer = nets.SNLinear(6, 4, bias=False)
    layer.reset_power_iteration(100)
    layer.eval()
    x, y = torch.randn(5, 6), torch.randn(5, 4)
    (layer(x) * y).sum().backward()
    weight, u, v = layer.weight.detach(), layer.u, layer.v
    sigma = u @ weight @ v
    g = y.t() @ x
    expected = (g - (g * weight / sigma).sum() * torch.outer(u, v)) / sigma
    assert torch.allclose(layer.weight.grad, expected, atol=1e-5)


def test_spectral_norm_stays_float32_under_autocast():
    torch.manual_seed(0)
    layer = nets.SNLinear(64, 32)
    layer.reset_power_iteration()
    other = copy.deepcopy(layer)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = layer.normalised_weight(advance=True)
        assert layer(torch.randn(2, 64)).dtype == torch.bfloat16
    exact = other.normalised_weight(advance=True)
    assert (rounded.dtype, exact.dtype, layer.uv.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    assert torch.equal(rounded, exact.bfloat16())  # rounded once, after all is done
    other.normalised_weight(advance=True)  # the forward above made an iteration, too
    assert torch.equal(layer.uv, other.uv)
    assert svd_norm(layer) == pytest.approx(1.0, abs=0.05)


def test_spectral_norms_measure_what_layers_compute_with():
    torch.manual_seed(0)
    D = nets.build_autoencoder_discriminator(SMALL, (1, 16, 16), 5)
    norms = nets.spectral_norms(D)
    deconv = D.decoder[1]
    assert isinstance(deconv, nn.ConvTranspose2d)
    expected = torch.linalg.svdvals(deconv.weight.transpose(0, 1).flatten(1).double())[0].item()
    assert norms["decoder.1"] == pytest.approx(expected, rel=1e-8)
    assert norms["to_code"] == pytest.approx(torch.linalg.svdvals(D.to_code.weight.double())[0].item(), rel=1e-8)
    with torch.no_grad():
        D.to_code.weight[0, 0] = float("inf")
    assert nets.spectral_norms(D)["to_code"] != nets.spectral_norms(D)["to_code"]  # NaN


def test_layer_norm_is_over_all_features_of_one_example():
    x = torch.randn(3, 4, 5, 5) * torch.tensor([1.0, 10, 100]).view(3, 1, 1, 1) + 7
    y = nets.layer_norm(4)(x)
    assert torch.allclose(y.flatten(1).mean(1), torch.zeros(3), atol=1e-5)
    assert torch.allclose(y.flatten(1).std(1, correction=0), torch.ones(3), atol=1e-3)
    alone = nets.layer_norm(4)(x[:1])
    assert torch.allclose(alone, y[:1], atol=1e-6)  # no dependence on the rest of the batch


def test_normalisers_have_no_gain_unless_asked():
    for make in (nets.batch_norm, nets.layer_norm):
        assert nets.count_parameters(make(8)) == 8  # the shift
        assert nets.count_parameters(make(8, gain=True)) == 16


def test_first_convolution_is_not_normalised():
    D = nets.build_discriminator(SMALL, (1, 16, 16), norm=nets.batch_norm)
    kinds = [type(layer).__name__ for layer in D.features]
    assert kinds[:4] == ["Conv2d", "LeakyReLU", "Conv2d", "BatchNorm2d"]


def test_dcgan_initialisation():
    torch.manual_seed(0)
    D = nets.build_discriminator(NetsSpec(init="dcgan"), (3, 32, 32))
    assert D.dense.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert D.dense.bias.abs().max() == 0


def test_xavier_initialisation():
    torch.manual_seed(0)
    D = nets.build_discriminator(NetsSpec(), (3, 32, 32))
    weight = D.features[10].weight  # convolution 4x4, 256 -> 256
    bound = (6 / (256 * 16 + 256 * 16)) ** 0.5
    assert bound * 0.99 < weight.abs().max().item() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_activations_of_the_paper():
    """Leaky ReLU with slope 0.1 in D, ReLU in G (Miyato et al. 2018, Table 3)."""
    D = nets.build_discriminator(SMALL, (1, 16, 16))
    slopes = {layer.negative_slope for layer in D.modules() if isinstance(layer, nn.LeakyReLU)}
    assert slopes == {0.1}
    G = nets.build_generator(SMALL, (1, 16, 16))
    assert [type(layer) for layer in G.stages[2::3]] == [nn.ReLU, nn.ReLU]
