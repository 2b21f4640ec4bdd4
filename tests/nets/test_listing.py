"""The lines of a table of layers, against the networks they are read from."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sngan_repro.config.specs import NetsSpec
from sngan_repro.methods import METHODS
from sngan_repro.nets.families import FAMILIES
from sngan_repro.nets.initialisation import count_parameters, initialise
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.listing import layers_of
from sngan_repro.nets.weights import normalise_weights


class Small(nn.Module):
    """A residual network, in which every kind of line occurs."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)
        self.norm = nn.BatchNorm2d(4)
        self.short = nn.Conv2d(3, 4, 1)
        self.dense = nn.Linear(4, 2, bias=False)

    def forward(self, images):
        x = F.relu(self.norm(self.conv(images)))
        x = x + self.short(F.avg_pool2d(images, 2))
        return self.dense(x.sum((2, 3)))


def test_lines_of_a_network_by_hand():
    assert layers_of(Small(), torch.zeros(2, 3, 8, 8)) == [
        ("convolution 3 × 3, stride 2, batch norm, ReLU", (4, 4, 4), 4 * 3 * 9 + 4 + 8),
        ("average pooling 2", (3, 4, 4), 0),
        ("convolution 1 × 1", (4, 4, 4), 4 * 3 + 4),
        ("sum of both ways", (4, 4, 4), 0),
        ("sum over the pixels", (4,), 0),
        ("dense without bias", (2,), 8),
    ]


def test_the_normaliser_of_a_weight_is_named():
    net = initialise(normalise_weights(nn.Sequential(nn.Linear(3, 2), nn.LeakyReLU(0.1)), "spectral"), "xavier")
    assert layers_of(net, torch.zeros(2, 3)) == [("dense, spectral norm of the weight, leaky ReLU 0.1", (2,), 8)]


def test_a_layer_that_is_used_twice_counts_once():
    layer = nn.Linear(3, 3)
    lines = layers_of(nn.Sequential(layer, nn.Flatten(), layer), torch.zeros(2, 3))
    assert [line.parameters for line in lines] == [12, 0]


def test_the_network_computes_the_same_afterwards():
    net, images = Small().eval(), torch.randn(2, 3, 8, 8)
    before = net(images)
    first, second = (layers_of(net, images) for _ in range(2))
    assert first == second
    assert torch.equal(net(images), before)


@pytest.mark.parametrize("family", FAMILIES.names())
@pytest.mark.parametrize("conditional", [False, True])
def test_every_parameter_of_every_family_is_in_a_line(family, conditional):
    known = FAMILIES.get(family)
    if conditional and not known.conditional:
        pytest.skip("no class-conditional networks")
    size = (known.sizes or (32,))[0]
    nets = NetsSpec(family=family, width=4, z_dim=8, conditional=conditional)
    image = ImageSpec(1, size, 5 if conditional else None)
    sngan = METHODS.get("sngan")
    G, D = sngan(sngan.Options(), image, nets).build()
    labels = torch.zeros(2, dtype=torch.int64) if conditional else None
    for net, given in ((G, torch.zeros(2, 8)), (D, torch.zeros(2, *image.shape))):
        lines = layers_of(net, given, labels)
        assert sum(line.parameters for line in lines) == count_parameters(net)
        assert all(line.what for line in lines)
    assert layers_of(G, torch.zeros(2, 8), labels)[-1].output == image.shape
