"""The networks of the SN-GAN tutorial on MNIST, against PyTorch's own layers and the numbers of the tutorial."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.interface import ImageSpec

MNIST = ImageSpec(1, 28)


def spec(**changes) -> NetsSpec:
    return NetsSpec(family="mnist_tutorial", width=64, z_dim=64, **{"init": "dcgan", **changes})


def tutorial_d(nets_spec: NetsSpec, weights: str | None = "spectral", **options) -> nn.Module:
    return nets.build_discriminator(
        nets_spec, MNIST, weights, norm=lambda channels: nets.batch_norm(channels, gain=True), **options
    )


def test_parameter_counts_and_sizes():
    G, D = nets.build_generator(spec(), MNIST), tutorial_d(spec())
    assert nets.count_parameters(G) == 747_841
    assert nets.count_parameters(D) == 9_105
    images = G(torch.randn(96, 64))
    assert images.shape == (96, 1, 28, 28)
    assert D(images).logits.shape == (96,)


def test_maps_layer_by_layer():
    G, D = nets.build_generator(spec(), MNIST), tutorial_d(spec())
    seen = []
    for net in (G, D):
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape[1:])))
    D(G(torch.randn(2, 64)))
    assert seen == [(256, 3, 3), (128, 6, 6), (64, 13, 13), (1, 28, 28), (16, 13, 13), (32, 5, 5), (1, 1, 1)]


def test_the_generator_against_layers_written_out():
    """Kernel, stride: 3 2, 4 1, 3 2, 4 2, as the tutorial's table has them."""
    G = nets.build_generator(spec(), MNIST)
    z = torch.randn(5, 64)
    x = z.view(5, 64, 1, 1)
    convolutions = [module for module in G.modules() if isinstance(module, nn.ConvTranspose2d)]
    norms = [module for module in G.modules() if isinstance(module, nn.BatchNorm2d)]
    for conv, norm, stride in zip(convolutions, norms, (2, 1, 2), strict=False):
        x = torch.conv_transpose2d(x, conv.weight, conv.bias, stride=stride)
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
        x = (x - mean) / (var + 1e-5).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]
        x = x.clamp_min(0)
    x = torch.conv_transpose2d(x, convolutions[-1].weight, convolutions[-1].bias, stride=2).tanh()
    torch.testing.assert_close(G(z), x, rtol=1e-4, atol=1e-5)


def test_the_last_convolution_of_d_skips_a_row_and_a_column():
    D = nets.build_discriminator(spec(), MNIST).eval()
    assert D(torch.randn(2, 1, 28, 28)).features[0].shape == (2, 32, 5, 5)
    maps = torch.randn(2, 32, 5, 5)
    changed = maps.clone()
    changed[:, :, 4], changed[:, :, :, 4] = 7.0, 7.0
    assert torch.equal(D.to_logit(maps), D.to_logit(changed))


def test_initial_values():
    torch.manual_seed(0)
    G, D = nets.build_generator(spec(), MNIST), tutorial_d(spec())
    for net in (G, D):
        gains = torch.cat([module.weight.detach() for module in net.modules() if isinstance(module, nn.BatchNorm2d)])
        assert abs(gains.mean()) < 0.01  # around 0, as printed
        assert gains.std().item() == pytest.approx(0.02, rel=0.3)
    for module in G.modules():
        if isinstance(module, nn.ConvTranspose2d):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
    original = D.features[0].parametrizations.weight.original
    assert original.std().item() == pytest.approx(0.02, rel=0.15)
    usual = nets.build_generator(spec(options={"batch_norm_gain": 1}), MNIST)
    gains = torch.cat([module.weight.detach() for module in usual.modules() if isinstance(module, nn.BatchNorm2d)])
    assert gains.mean().item() == pytest.approx(1, abs=0.01)


def test_d_may_keep_the_initial_weights_of_pytorch():
    """Uniform within 1 / sqrt(16) for the first convolution: SD 0.144 instead of 0.02."""
    torch.manual_seed(0)
    D = tutorial_d(spec(options={"d_init": "pytorch"}))
    original = D.features[0].parametrizations.weight.original
    assert original.std().item() == pytest.approx(0.25 / 3**0.5, rel=0.1)
    assert original.abs().max() <= 0.25
    norms = nets.spectral_norms(D)
    assert all(abs(norm - 1) < 0.05 for norm in norms.values())  # the normalisers started from these weights


def test_norms_and_dropout():
    plain = nets.build_discriminator(spec(), MNIST)
    assert not [module for module in plain.modules() if isinstance(module, nn.BatchNorm2d | nn.Dropout)]
    assert [type(layer).__name__ for layer in tutorial_d(spec(), None).features][:3] == [
        "Conv2d",
        "BatchNorm2d",
        "LeakyReLU",
    ]
    later = tutorial_d(spec(options={"norm_first": False, "dropout": 0.3}), None)
    kinds = [type(layer).__name__ for layer in later.features]
    assert kinds == ["Conv2d", "LeakyReLU", "Dropout", "Conv2d", "BatchNorm2d", "LeakyReLU", "Dropout"]
    assert {layer.negative_slope for layer in later.features if isinstance(layer, nn.LeakyReLU)} == {0.2}


def test_colour_images_and_narrow_networks():
    image = ImageSpec(3, 28)
    narrow = NetsSpec(family="mnist_tutorial", width=2, z_dim=8)
    images = nets.build_generator(narrow, image)(torch.randn(2, 8))
    assert images.shape == (2, 3, 28, 28)
    assert nets.build_discriminator(narrow, image, "spectral")(images).logits.shape == (2,)


def test_what_the_family_does_not_have():
    with pytest.raises(ConfigError, match="28 pixels"):
        nets.build_generator(spec(), ImageSpec(1, 32))
    with pytest.raises(ConfigError, match="batch_norm_gain: has no effect with `init: xavier`"):
        nets.build_generator(spec(init="xavier", options={"batch_norm_gain": 1}), MNIST)
    with pytest.raises(ConfigError, match="autoencoding"):
        nets.build_autoencoder_discriminator(spec(), MNIST, code_dim=4)
