"""Options of the family `cnn`: the public code behind the paper's number, and the width of Figure 4."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets.interface import ImageSpec

IMAGE = ImageSpec(3, 32)


def convolutions(**options) -> list[tuple[int, int, int]]:
    D = nets.build_discriminator(NetsSpec(options=options), IMAGE)
    return [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in D.modules() if isinstance(c, nn.Conv2d)]


def test_channels_of_the_paper_and_of_its_code():
    assert [out for _, out, _ in convolutions()] == [64, 64, 128, 128, 256, 256, 512]
    assert [out for _, out, _ in convolutions(widen_at="stride")] == [64, 128, 128, 256, 256, 512, 512]
    assert [kernel for _, _, kernel in convolutions(widen_at="stride")] == [3, 4, 3, 4, 3, 4, 3]
    D = nets.build_discriminator(NetsSpec(options={"widen_at": "stride"}), IMAGE)
    assert nets.count_parameters(D) == 5_860_865


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_relative_width_of_the_last_convolution(factor: float):
    """Its input and output have so many times the channels (Miyato et al. 2018, Figure 4 and footnote 6)."""
    found = convolutions(last_width=factor)
    assert found[:5] == convolutions()[:5]
    assert found[5:] == [(256, int(256 * factor), 4), (int(256 * factor), int(512 * factor), 3)]


def test_slope_and_pooling():
    D = nets.build_discriminator(NetsSpec(width=4, options={"slope": 0.2, "pool": "sum"}), IMAGE)
    assert {layer.negative_slope for layer in D.modules() if isinstance(layer, nn.LeakyReLU)} == {0.2}
    output = D(torch.rand(2, *IMAGE.shape))
    torch.testing.assert_close(D.dense(output.features[0].sum((2, 3))).squeeze(1), output.logits)


def test_norm_after_the_dense_layer_of_g():
    G = nets.build_generator(NetsSpec(width=4, z_dim=8, options={"dense_norm": True}), IMAGE)
    maps = []
    G.unflatten.register_forward_hook(lambda module, inputs, output: maps.append(output))
    G(torch.randn(64, 8))
    assert maps[0].min() == 0
    assert isinstance(G.dense[1], nn.BatchNorm1d)
    assert G.dense[1].num_features == 32 * 16  # one gain and shift per element


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"upsample": "nearest"}, r"nets: options: upsample: unknown key \(allowed here: widen_at, slope, "),
        ({"slop": 0.2}, "slop: unknown key; did you mean 'slope'"),
        ({"widen_at": "dense"}, "widen_at: Input should be 'conv' or 'stride'; found 'dense'"),
    ],
)
def test_wrong_options(options: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        nets.build_discriminator(NetsSpec(options=options), IMAGE)
