"""Ways between latents and between classes, by the library and by the command."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from sngan_repro.api.generators import Generator
from sngan_repro.cli.main import main
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.schema import ConfigError
from sngan_repro.nets import build_generator
from sngan_repro.nets.conditional import ConditionalBatchNorm2d
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import LabelLaw, interpolate, mixed_labels
from sngan_repro.nets.snapshot import save_snapshot

CPU = torch.device("cpu")
NETS = {"family": "cnn", "width": 4, "z_dim": 8}


@pytest.fixture
def generator(tiny_run):
    def make(num_classes: int | None) -> Generator:
        spec = tiny_run(nets={**NETS, "conditional": num_classes is not None})
        torch.manual_seed(0)
        G = build_generator(spec.nets, ImageSpec(1, 16, num_classes)).eval()
        for module in G.modules():
            if isinstance(module, ConditionalBatchNorm2d):
                nn.init.normal_(module.shifts, std=2.0)
        return Generator(G, spec, CPU, LabelLaw.of(num_classes) if num_classes else None)

    return make


def test_mixed_labels_by_hand():
    found = mixed_labels(torch.tensor([0, 2]), torch.tensor([1, 2]), 3, 3)
    expected = [[[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0]], [[0, 0, 1], [0, 0, 1], [0, 0, 1]]]
    assert torch.equal(found, torch.tensor(expected))


def test_unconditional(generator):
    own = generator(None)
    images = own.interpolation(steps=5, rows=2, seed=3)
    z = own.latents(4, seed=3)
    ways = interpolate(z[[0, 2]], z[[1, 3]], 5, "normal").flatten(0, 1)
    assert np.array_equal(images, own.images_of(ways))
    assert images.shape == (10, 16, 16, 1)


def test_within_classes(generator):
    """The ends of row i are images of latents 2 i and 2 i + 1 in the row's class."""
    own = generator(3)
    images = own.interpolation(steps=4, rows=2, seed=1, classes=[2, 0]).astype(int)
    z = own.latents(4, seed=1)
    ends = own.images_of(z, torch.tensor([2, 2, 0, 0]))
    assert np.abs(images[[0, 3, 4, 7]] - ends).max() <= 1  # to rounding of the mixture of one class


def test_across_classes(generator):
    """One latent per row, from its class to the next; the middle is neither."""
    own = generator(3)
    images = own.interpolation(steps=3, rows=3, seed=1, across=True).astype(int)
    z = own.latents(6, seed=1)[[0, 0, 2, 2, 4, 4]]
    ends = own.images_of(z, torch.tensor([0, 1, 1, 2, 2, 0]))
    assert np.abs(images[[0, 2, 3, 5, 6, 8]] - ends).max() <= 1
    half = own.images_of(z[:1], torch.tensor([[0.5, 0.5, 0.0]]))
    assert np.abs(images[1] - half[0]).max() <= 1
    assert np.abs(images[0] - images[1]).max() > 5


@pytest.mark.parametrize(
    ("num_classes", "options", "message"),
    [
        (None, {"across": True}, "this generator is unconditional"),
        (None, {"classes": [0]}, "this generator is unconditional"),
        (3, {"classes": [3]}, r"`classes` are from 0 to 2; found \[3\]"),
        (3, {"steps": 1}, "`steps` must be at least 2"),
    ],
)
def test_mistakes(generator, num_classes: int | None, options: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        generator(num_classes).interpolation(**options)


def test_command(generator, tmp_path):
    own, run = generator(3), RunPaths(tmp_path)
    save_snapshot(run, own.spec, own.network.state_dict(), 3, ImageSpec(1, 16, 3), own.label_law)
    out = tmp_path / "ways.png"
    arguments = ["sample", "--snapshot", str(run.snapshot(3)), "--across", "--steps", "4", "--device", "cpu"]
    main([*arguments, "--labels", "0", "1", "--out", str(out)])
    with Image.open(out) as image:
        assert image.size == (4 * 50 + 2, 2 * 50 + 2)
    out = tmp_path / "ways.npy"
    main([*arguments, "--seeds", "5", "6", "--out", str(out)])
    made = np.load(out).reshape(2, 12, 16, 16, 1)  # each seed: three classes, four steps
    for images, seed in zip(made, (5, 6), strict=True):
        assert np.array_equal(images, own.interpolation(steps=4, rows=3, seed=seed, across=True))
    assert not np.array_equal(made[0], made[1])
