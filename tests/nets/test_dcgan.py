"""The networks of DCGAN, layer by layer, their initialisation, output ranges and labels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import METHODS
from sngan_repro.nets import count_parameters
from sngan_repro.nets.families import FAMILIES
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.weights import spectral_norms, weighted_layers


def built(size: int = 32, channels: int = 3, num_classes: int | None = None, method: str = "dcgan", **keys):
    """(G, D) of a method with networks of this family."""
    torch.manual_seed(0)
    keys = {"family": "dcgan", "width": 4, "z_dim": 8, **keys}
    if num_classes:
        keys = {"conditional": True, "condition_d": METHODS.get(method).condition_d or "projection", **keys}
    chosen = METHODS.get(method)
    return chosen(chosen.Options(), ImageSpec(channels, size, num_classes), NetsSpec(**keys)).build()


def test_parameters_at_128_pixels():
    """The numbers of the tutorial's networks: 128 latents, 64 channels nearest to the image."""
    G, D = built(128, width=64, z_dim=128)
    assert (count_parameters(G), count_parameters(D)) == (13_245_312, 11_164_416)


def test_parameters_at_64_pixels():
    """The networks of Radford et al. 2016: 16 d_out d_in per layer, and two numbers per normed channel."""
    G, D = built(64, width=64, z_dim=100)
    g_layers = [(100, 512), (512, 256), (256, 128), (128, 64), (64, 3)]
    d_layers = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    assert count_parameters(G) == sum(16 * a * b for a, b in g_layers) + 2 * (512 + 256 + 128 + 64)
    assert count_parameters(D) == sum(16 * a * b for a, b in d_layers) + 2 * (128 + 256 + 512)


@pytest.mark.parametrize(("size", "widths"), [(32, [16, 8, 4]), (64, [32, 16, 8, 4]), (128, [64, 32, 16, 8, 4])])
def test_layers_of_the_generator(size, widths):
    G, _ = built(size)
    layers = [layer for _, layer in weighted_layers(G)]
    assert [layer.out_channels for layer in layers] == [*widths, 3]
    assert {layer.kernel_size for layer in layers} == {(4, 4)}
    assert [(layer.stride[0], layer.padding[0]) for layer in layers] == [(1, 0), *[(2, 1)] * len(widths)]
    assert all(layer.bias is None for layer in layers)
    assert [type(layer) for layer in G.stages[:3]] == [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert G(torch.randn(2, 8)).shape == (2, 3, size, size)


@pytest.mark.parametrize(("size", "widths"), [(32, [4, 8, 16]), (64, [4, 8, 16, 32]), (128, [4, 8, 16, 32, 64])])
def test_layers_of_the_discriminator(size, widths):
    """No batch norm after the first layer and none after the last one, which sees the whole map of 4 x 4."""
    _, D = built(size)
    kinds = [nn.Conv2d, nn.LeakyReLU, *[nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU] * (len(widths) - 1)]
    assert [type(layer) for layer in D.features] == kinds
    convolutions = [layer for layer in D.features if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == widths
    assert {(layer.kernel_size, layer.stride, layer.padding, layer.bias) for layer in convolutions} == {
        ((4, 4), (2, 2), (1, 1), None)
    }
    assert {layer.negative_slope for layer in D.features if isinstance(layer, nn.LeakyReLU)} == {0.2}
    output = D(torch.randn(2, 3, size, size))
    assert output.logits.shape == (2,)
    assert output.features[-1].shape == (2, widths[-1], 4, 4)


def test_the_last_layer_is_a_convolution_without_padding():
    _, D = built()
    D.double().eval()
    output = D(torch.randn(3, 3, 32, 32, dtype=torch.float64))
    maps = output.features[-1]
    by_convolution = F.conv2d(maps, D.dense.weight.view(1, *maps.shape[1:])).flatten()
    torch.testing.assert_close(output.logits.double(), by_convolution, rtol=1e-6, atol=1e-6)


def test_sigmoid_output_works_with_pixels_from_zero_to_one():
    """G is 2 s(x) - 1 for the x of its last layer, and D's first layer gets s(x) again."""
    G, D = built(options={"output": "sigmoid"})
    tanh_G, tanh_D = built()
    for net in (G, D, tanh_G, tanh_D):
        net.eval()
    z = torch.randn(4, 8)
    before = torch.atanh(tanh_G(z).double())
    torch.testing.assert_close(G(z).double(), 2 * before.sigmoid() - 1, rtol=1e-4, atol=1e-5)
    seen = []
    D.features[0].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    D(G(z))
    torch.testing.assert_close(seen[0].double(), before.sigmoid(), rtol=1e-4, atol=1e-5)
    unit = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(D(2 * unit - 1).logits, tanh_D(unit).logits, rtol=1e-4, atol=1e-5)


def test_initialisation_of_the_paper():
    """Weights N(0, 0.02), trained gains N(1, 0.02), shifts 0."""
    G, D = built(64, width=32, init="dcgan")
    for net in (G, D):
        weights = torch.cat([layer.weight.flatten() for _, layer in weighted_layers(net)])
        assert weights.mean().abs() < 0.0005
        assert weights.std().item() == pytest.approx(0.02, rel=0.02)
        gains = torch.cat([m.weight for m in net.modules() if isinstance(m, nn.BatchNorm2d)])
        assert gains.mean().item() == pytest.approx(1, abs=0.005)
        assert gains.std().item() == pytest.approx(0.02, rel=0.2)
        assert all((m.bias == 0).all() for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    chosen = METHODS.get("bn")  # its gains are fixed
    _, D = chosen(chosen.Options(), ImageSpec(3, 32), NetsSpec(family="dcgan", width=4, init="dcgan")).build()
    assert all((m.weight == 1).all() for m in D.modules() if isinstance(m, nn.BatchNorm2d))


def test_pytorchs_own_initialisation_is_left_alone():
    G, _ = built(init="pytorch")
    torch.manual_seed(0)
    first = nn.ConvTranspose2d(8, 16, 4, bias=False)
    assert torch.equal(G.stages[0].weight, first.weight)
    D = nets.build_discriminator(NetsSpec(init="pytorch", width=4), ImageSpec(3, 32))
    assert (next(layer for _, layer in weighted_layers(D)).bias != 0).all()  # of other families, too


@pytest.mark.parametrize("method", ["dcgan", "sngan"])
def test_spectral_norm_of_g(method):
    """`nets: {spectral_g: true}`: every layer of G computes with a weight of spectral norm 1."""
    G, _ = built(method=method, spectral_g=True)
    norms = spectral_norms(G)
    assert len(norms) == 4
    assert all(value == pytest.approx(1, abs=0.05) for value in norms.values())
    plain, _ = built(method=method)
    assert any(abs(value - 1) > 0.2 for value in spectral_norms(plain).values())


@pytest.mark.parametrize("condition", ["projection", "concat_hidden", "concat_input", "ac", "k_plus_1"])
def test_labels(condition):
    G, D = built(num_classes=5, condition_d=condition)
    labels = torch.tensor([0, 3])
    images = G(torch.randn(2, 8), labels)
    output = D(images, labels)
    assert output.logits.shape == (2,)
    expected = {"ac": (2, 5), "k_plus_1": (2, 6)}.get(condition)
    assert (output.class_logits.shape if output.class_logits is not None else None) == expected


def test_labels_beside_the_latent_vector():
    """G's first layer gets the latent vector and the embedding of the class; a mixture is the weighted mean of both."""
    G, _ = built(num_classes=3, options={"condition_g": "concat", "embedding_dim": 5})
    G.eval()
    assert G.stages[0].in_channels == 8 + 5
    z = torch.randn(2, 8)
    assert torch.allclose(G(z, torch.tensor([2, 0])), G(z, torch.eye(3)[[2, 0]]), atol=1e-6)
    assert not torch.allclose(G(z, torch.tensor([2, 0])), G(z, torch.tensor([1, 0])), atol=1e-3)
    seen = []
    G.stages[0].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].flatten(1)))
    G(z, torch.tensor([[0.25, 0.75, 0.0], [1, 0, 0]]))
    mixed = 0.25 * G.embedding.weight[0] + 0.75 * G.embedding.weight[1]
    torch.testing.assert_close(seen[0][0], torch.cat([z[0], mixed]))


def test_k_plus_1_logit_is_the_log_odds_of_real():
    _, D = built(num_classes=3, condition_d="k_plus_1")
    output = D(torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))
    p = output.class_logits.double().softmax(1)
    torch.testing.assert_close(output.logits.double(), (p[:, :3].sum(1) / p[:, 3]).log(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("keys", "size", "message"),
    [
        ({}, 28, "images of 32, 64, 128 pixels, and `image_size` is 28"),
        ({"options": {"condition_g": "concat"}}, 32, "condition_g: has no effect without `conditional: true`"),
        ({"conditional": True, "options": {"embedding_dim": 5}}, 32, "embedding_dim: has no effect without"),
        ({"options": {"output": "relu"}}, 32, "output"),
    ],
)
def test_refused(keys, size, message):
    with pytest.raises(ConfigError, match=message):
        FAMILIES.get("dcgan").check(NetsSpec(family="dcgan", **keys), size)
