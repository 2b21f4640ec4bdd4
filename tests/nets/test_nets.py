"""Networks: shapes, the paper's parameter counts, initial weights, activation normalisers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.nets.interface import ImageSpec

SMALL = NetsSpec(width=4, z_dim=8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 20, 28, 32, 36, 44, 48, 64, 100, 128])
def test_shapes(size: int, channels: int):
    image = ImageSpec(channels, size)
    images = nets.build_generator(SMALL, image)(torch.randn(2, 8))
    assert images.shape == (2, *image.shape)
    assert images.abs().max() <= 1
    assert nets.build_discriminator(SMALL, image, weights="spectral")(images).logits.shape == (2,)
    reconstruction, code = nets.build_autoencoder_discriminator(SMALL, image, code_dim=5)(images)
    assert reconstruction.shape == images.shape
    assert code.shape == (2, 5)


def test_parameter_counts_of_the_paper():
    """Miyato et al. 2018, Table 3 at 32 x 32: 3,812,355 and 2,935,873 parameters."""
    assert nets.count_parameters(nets.build_generator(NetsSpec(), ImageSpec(3, 32))) == 3_812_355
    assert nets.count_parameters(nets.build_discriminator(NetsSpec(), ImageSpec(3, 32))) == 2_935_873


@pytest.mark.parametrize(("size", "expected"), [(32, (4, 4)), (48, (6, 4)), (28, (7, 3)), (16, (4, 3)), (128, (4, 6))])
def test_pyramid(size: int, expected: tuple[int, int]):
    innermost, channels = nets.pyramid(size, 64)
    assert (innermost, len(channels)) == expected
    assert max(channels) <= 512


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
    D = nets.build_discriminator(SMALL, ImageSpec(1, 16), norm=nets.batch_norm)
    kinds = [type(layer).__name__ for layer in D.features]
    assert kinds[:4] == ["Conv2d", "LeakyReLU", "Conv2d", "BatchNorm2d"]


def test_dcgan_initialisation():
    torch.manual_seed(0)
    D = nets.build_discriminator(NetsSpec(init="dcgan"), ImageSpec(3, 32))
    assert D.dense.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert D.dense.bias.abs().max() == 0


def test_xavier_initialisation():
    torch.manual_seed(0)
    D = nets.build_discriminator(NetsSpec(), ImageSpec(3, 32))
    weight = D.features[10].weight  # convolution 4x4, 256 -> 256
    bound = (6 / (256 * 16 + 256 * 16)) ** 0.5
    assert bound * 0.99 < weight.abs().max().item() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_activations_of_the_paper():
    """Leaky ReLU with slope 0.1 in D, ReLU in G (Miyato et al. 2018, Table 3)."""
    D = nets.build_discriminator(SMALL, ImageSpec(1, 16))
    slopes = {layer.negative_slope for layer in D.modules() if isinstance(layer, nn.LeakyReLU)}
    assert slopes == {0.1}
    G = nets.build_generator(SMALL, ImageSpec(1, 16))
    assert [type(layer) for layer in G.stages[2::3]] == [nn.ReLU, nn.ReLU]


@pytest.mark.parametrize("build", ["build_generator", "build_discriminator", "build_autoencoder_discriminator"])
def test_no_layer_changes_its_input_in_place(build: str):
    options = {"code_dim": 5} if build.startswith("build_auto") else {}
    net = getattr(nets, build)(SMALL, ImageSpec(1, 16), **options)
    changed = []

    def remember(module, inputs):
        module.before = [x.detach().clone() for x in inputs if isinstance(x, torch.Tensor)]

    def compare(module, inputs, output):
        found = [x for x in inputs if isinstance(x, torch.Tensor)]
        changed.extend(module for a, b in zip(module.before, found, strict=True) if not torch.equal(a, b))

    for module in net.modules():
        module.register_forward_pre_hook(remember)
        module.register_forward_hook(compare)
    net(torch.randn(2, 8) if build == "build_generator" else torch.randn(2, 1, 16, 16))
    assert changed == []


def test_a_skip_connection_around_an_activation_is_right():
    """A pre-activation residual block: the skip needs the input that the activation got."""
    D = nets.build_discriminator(SMALL, ImageSpec(1, 16))
    activation = next(layer for layer in D.features if isinstance(layer, nn.LeakyReLU))
    x = torch.randn(2, 4, 5, 5)
    expected = x + torch.where(x > 0, x, 0.1 * x)
    torch.testing.assert_close(x + activation(x), expected)


def test_features_of_d_are_the_innermost_maps():
    D = nets.build_discriminator(SMALL, ImageSpec(1, 16))
    output = D(torch.randn(2, 1, 16, 16))
    assert [tuple(feature.shape) for feature in output.features] == [(2, 16, 4, 4)]
    torch.testing.assert_close(D.dense(output.features[0].flatten(1)).squeeze(1), output.logits)
