"""The residual networks: shapes and parameter counts of the paper, blocks against a plainly written reference."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods.losses import PENALTIES
from sngan_repro.nets.families import FAMILIES
from sngan_repro.nets.interface import Batch, ImageSpec
from sngan_repro.nets.resnet import DiscriminatorBlock, GeneratorBlock


def resnet(width: int = 2, **values) -> NetsSpec:
    return NetsSpec(family="resnet", width=width, z_dim=8, **values)


@pytest.mark.parametrize(
    ("size", "g", "d"),
    [
        (32, 4_276_739, 1_053_824),  # Table 4
        (48, 4_878_083, 10_141_440),  # Table 5
        (64, 12_220_675, 10_141_440),  # mimicry's networks; its D has a bias more
        (128, 32_150_787, 29_017_856),  # Table 6
    ],
)
def test_parameter_counts(size: int, g: int, d: int):
    spec, image = NetsSpec(family="resnet"), ImageSpec(3, size)
    with torch.device("meta"):
        family = FAMILIES.get("resnet")
        assert nets.count_parameters(family.generator(spec, image)) == g
        assert nets.count_parameters(family.discriminator(spec, image)) == d


@pytest.mark.parametrize(("classes", "g", "d"), [(10, 4_304_387, 1_055_104), (100, 4_580_867, 1_066_624)])
def test_parameter_counts_with_classes(classes: int, g: int, d: int):
    """G with conditional batch norm in its blocks, D with a projection (Miyato and Koyama 2018)."""
    spec, image = NetsSpec(family="resnet", conditional=True), ImageSpec(3, 32, classes)
    assert nets.count_parameters(nets.build_generator(spec, image)) == g
    assert nets.count_parameters(nets.build_discriminator(spec, image, weights="spectral")) == d


def test_parameter_counts_of_the_wgan_gp_study():
    """128 maps in G (Gulrajani et al. 2017); 192 maps in D, the "1.5x" of the SNGAN paper's Table 8, with its bias."""
    image = ImageSpec(3, 32)
    narrow = NetsSpec(family="resnet", options={"width_g": 128})
    wide = NetsSpec(family="resnet", options={"width_d": 192, "dense_bias": True})
    assert nets.count_parameters(nets.build_generator(narrow, image)) == 1_204_483
    assert nets.count_parameters(nets.build_discriminator(wide, image)) == 2_367_169


@pytest.mark.parametrize(("size", "maps"), [(32, 8), (48, 3), (64, 2), (128, 4)])
@pytest.mark.parametrize("options", [{}, {"upsample": "bilinear", "pool": "mean", "dense_bias": True}])
def test_shapes(size: int, maps: int, options: dict):
    image = ImageSpec(1, size)
    images = nets.build_generator(resnet(options=options), image)(torch.randn(2, 8))
    assert images.shape == (2, 1, size, size)
    assert images.abs().max() <= 1
    output = nets.build_discriminator(resnet(options=options), image, weights="spectral")(images)
    assert output.logits.shape == (2,)
    assert output.features[0].shape[2:] == (maps, maps)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_generator_block_against_the_paper(mode: str):
    """As written there: the short way is upsampled before its convolution."""
    torch.manual_seed(0)
    block = GeneratorBlock(3, 5, mode, None, 1.0).double()
    x = torch.randn(4, 3, 6, 6, dtype=torch.float64)

    def up(maps):
        return nn.Upsample(scale_factor=2, mode=mode)(maps)

    def norm(maps):
        mean = maps.mean((0, 2, 3), keepdim=True)
        return (maps - mean) / (maps.var((0, 2, 3), keepdim=True, correction=0) + 1e-5).sqrt()

    hidden = F.conv2d(up(norm(x).clamp(min=0)), block.conv1.weight, block.conv1.bias, padding=1)
    hidden = F.conv2d(norm(hidden).clamp(min=0), block.conv2.weight, block.conv2.bias, padding=1)
    expected = hidden + F.conv2d(up(x), block.shortcut.weight, block.shortcut.bias)
    torch.testing.assert_close(block(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("channels", "down", "first"),
    [((3, 4), True, True), ((4, 6), True, False), ((4, 6), False, False), ((4, 4), False, False)],
)
def test_discriminator_block_against_the_paper(channels, down: bool, first: bool):
    """As written there: in the first block the short way is pooled before its convolution, elsewhere after it."""
    torch.manual_seed(0)
    block = DiscriminatorBlock(*channels, down, 1.0, first).double()
    x = torch.randn(2, channels[0], 8, 8, dtype=torch.float64)
    before = x.clone()

    def conv(layer, maps):
        return F.conv2d(maps, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)

    def pool(maps):
        n, c, h, w = maps.shape
        return maps.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5)) if down else maps

    assert block.conv1.out_channels == (channels[1] if first else channels[0])
    hidden = pool(conv(block.conv2, conv(block.conv1, x if first else x.clamp(min=0)).clamp(min=0)))
    short = x
    if block.shortcut is not None:
        short = conv(block.shortcut, pool(x)) if first else pool(conv(block.shortcut, x))
    assert (block.shortcut is None) == (not down and channels[0] == channels[1])
    torch.testing.assert_close(block(x), hidden + short, rtol=1e-10, atol=1e-10)
    assert torch.equal(x, before)  # the first ReLU does not change what the short way gets


def test_end_of_d_is_the_sum_over_positions():
    for pool, divisor in (("sum", 1), ("mean", 64)):
        D = nets.build_discriminator(resnet(options={"pool": pool}), ImageSpec(3, 32))
        output = D(torch.randn(2, 3, 32, 32))
        phi = output.features[0].sum((2, 3)) / divisor
        assert output.features[0].min() >= 0
        torch.testing.assert_close(phi @ D.dense.weight[0], output.logits)
        assert D.dense.bias is None


def test_normalisers_of_activations_are_before_each_relu_but_the_first_two():
    D = nets.build_discriminator(resnet(), ImageSpec(3, 32), norm=nets.batch_norm)
    names = [name for name, module in D.named_modules() if isinstance(module, nn.BatchNorm2d)]
    later = [f"blocks.{block}.norm{number}" for block in (1, 2, 3) for number in (1, 2)]
    assert sorted(names) == sorted(["norm", *later])


def test_initial_weights():
    """Glorot uniform, times sqrt 2 for the 3x3 layers of blocks only (the authors' code)."""
    torch.manual_seed(0)
    image = ImageSpec(3, 32)
    G, D = (
        build(NetsSpec(family="resnet", width=32), image) for build in (nets.build_generator, nets.build_discriminator)
    )

    def ratio(layer):
        d_out, d_in, *kernel = layer.weight.shape
        return layer.weight.std().item() / math.sqrt(2 / ((d_in + d_out) * math.prod(kernel)))

    for layer in (G.blocks[1].conv1, G.blocks[1].conv2, D.blocks[1].conv1, D.blocks[2].conv2):
        assert ratio(layer) == pytest.approx(math.sqrt(2), rel=0.02)
    for layer in (G.dense, G.to_image, G.blocks[1].shortcut, D.blocks[1].shortcut):
        assert ratio(layer) == pytest.approx(1, rel=0.04)
    plain = nets.build_discriminator(NetsSpec(family="resnet", width=32, init="dcgan"), image)
    assert plain.blocks[1].conv1.weight.std().item() == pytest.approx(0.02, rel=0.03)


def test_spectral_norm_starts_from_the_scaled_weights():
    D = nets.build_discriminator(resnet(width=8), ImageSpec(3, 32), weights="spectral").eval()
    assert list(nets.spectral_norms(D).values()) == pytest.approx([1] * len(nets.spectral_norms(D)), abs=0.12)


def test_gradient_of_the_gradient_penalty():
    """Against finite differences in float64: the double backward through blocks, pooling and shortcuts."""
    torch.manual_seed(1)
    D = nets.build_discriminator(resnet(), ImageSpec(1, 32)).double()
    real, fake = (Batch(torch.rand(2, 1, 32, 32, dtype=torch.float64) * 2 - 1) for _ in range(2))

    def penalty():
        torch.manual_seed(3)
        return PENALTIES["gradient"].function(D, real, fake)

    penalty().backward()
    for weight in (D.blocks[0].conv1.weight, D.blocks[1].shortcut.weight, D.blocks[3].conv2.weight, D.dense.weight):
        index = tuple(int(i) for i in torch.unravel_index(weight.grad.abs().argmax(), weight.shape))
        step, found = 1e-6, []
        with torch.no_grad():
            value = weight[index].item()
        for sign in (1, -1):
            weight.data[index] = value + sign * step
            found.append(penalty().item())
        weight.data[index] = value
        assert (found[0] - found[1]) / (2 * step) == pytest.approx(weight.grad[index].item(), rel=1e-4)


@pytest.mark.parametrize("values", [{}, {"conditional": True}])
def test_outputs_are_float32_in_bf16(values: dict):
    image = ImageSpec(3, 32, 4 if values else None)
    labels = torch.tensor([0, 3]) if values else None
    G = nets.build_generator(resnet(**values), image)
    D = nets.build_discriminator(resnet(**values), image, weights="spectral")
    with torch.autocast("cpu", torch.bfloat16):
        images = G(torch.randn(2, 8), labels)
        output = D(images, labels)
    assert images.dtype == output.logits.dtype == torch.float32
    assert output.logits.shape == (2,)


def test_what_it_does_not_have():
    image = ImageSpec(3, 28)
    with pytest.raises(
        ConfigError, match=r"'resnet' has networks for images of 32, 48, 64, 128 pixels, and `image_size` is 28"
    ):
        nets.build_generator(resnet(), image)
    with pytest.raises(ConfigError, match="no autoencoding discriminator"):
        nets.build_autoencoder_discriminator(resnet(), ImageSpec(3, 32), 4)
    with pytest.raises(ConfigError, match="nets: options: slope: unknown key"):
        nets.build_generator(resnet(options={"slope": 0.2}), ImageSpec(3, 32))
    with pytest.raises(ConfigError, match="init_gain: has no effect with `init: dcgan`"):
        nets.build_generator(resnet(init="dcgan", options={"init_gain": 1.0}), ImageSpec(3, 32))
