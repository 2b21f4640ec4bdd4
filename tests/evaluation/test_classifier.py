import json

import numpy as np
import pytest
import torch

from sngan_repro.config.specs import EvaluatorSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.classifier import (
    Classifier,
    accuracy,
    load_classifier,
    save_classifier,
    shift,
    train_classifier,
)
from sngan_repro.evaluation.features import as_input

SMALL = EvaluatorSpec(epochs=2, width=4, feature_dim=8, batch_size=16)


def toy_images(num=64, size=16, channels=1):
    """Two classes: bright above, bright below."""
    labels = torch.arange(num) % 2
    images = torch.randint(0, 60, (num, size, size, channels), dtype=torch.uint8)
    images[labels == 0, : size // 2] += 150
    images[labels == 1, size // 2 :] += 150
    return images, labels


@pytest.mark.slow
def test_reads_digits(classifier_dir):
    info = json.loads((classifier_dir / "evaluator.json").read_text())
    assert info["test_accuracy"] >= 0.97
    assert info["train_accuracy"] >= 0.97


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (20, 3), (28, 1), (32, 3), (100, 3), (128, 1)])
def test_any_size(size, channels):
    net = Classifier((channels, size, size), num_classes=7, width=4, feature_dim=8).eval()
    features, logits = net(torch.zeros(2, 3, size, size, dtype=torch.uint8))
    assert (features.shape, logits.shape) == ((2, 8), (2, 7))
    assert (features.dtype, logits.dtype) == (torch.float32, torch.float32)


def test_training_depends_on_the_seed_alone():
    images, labels = toy_images()
    torch.manual_seed(1)
    first = train_classifier(images, labels, 2, SMALL).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = train_classifier(images, labels, 2, SMALL).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = train_classifier(images, labels, 2, SMALL.model_copy(update={"seed": 1})).state_dict()
    assert not torch.equal(first["to_logits.weight"], other["to_logits.weight"])


@pytest.mark.parametrize("channels", [1, 3])
def test_learns_and_survives_a_file(tmp_path, channels):
    images, labels = toy_images(channels=channels)
    net = train_classifier(images, labels, 2, SMALL.model_copy(update={"epochs": 8}))
    save_classifier(net, tmp_path / "w.safetensors")
    save_classifier(net, tmp_path / "again.safetensors")
    assert (tmp_path / "w.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    loaded = load_classifier(tmp_path / "w.safetensors")
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    with torch.no_grad():
        features, logits = loaded(as_input(images))
        expected = net(as_input(images))
    assert torch.equal(features, expected[0])
    assert torch.equal(logits, expected[1])
    assert accuracy(logits, labels) == 1.0


def test_fewer_images_than_a_batch():
    images, labels = toy_images(num=6)
    net = train_classifier(images, labels, 2, SMALL)
    assert all(torch.isfinite(value).all() for value in net.state_dict().values())


def test_grey_and_repeated_grey_are_one():
    images, _ = toy_images(num=4)
    repeated = as_input(images)
    assert repeated.shape == (4, 3, 16, 16)
    assert torch.equal(repeated[:, 2], images[..., 0])
    torch.manual_seed(0)
    grey = Classifier((1, 16, 16), 2, 4, 8).eval()
    rgb = repeated.clone()
    rgb[:, 0], rgb[:, 1], rgb[:, 2] = 30, 60, 90
    flat = torch.full_like(repeated, 60)
    assert torch.equal(grey(rgb)[0], grey(flat)[0])  # the mean of the channels, not the first


@pytest.mark.parametrize(
    "images", [torch.zeros(1, 3, 20, 20, dtype=torch.uint8), torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)]
)
def test_other_input_is_refused(images):
    with pytest.raises(ValueError, match="expected uint8 images"):
        Classifier((1, 16, 16), 2, 4, 8).eval()(images)


def test_shift_moves_whole_images_and_repeats_the_border():
    images = torch.arange(5 * 6, dtype=torch.uint8).view(1, 5, 6, 1).repeat(200, 1, 1, 1)
    moved = shift(images, 1, torch.Generator().manual_seed(0))[..., 0].numpy()
    plane = np.pad(images[0, ..., 0].numpy(), 1, mode="edge")
    possible = {plane[r : r + 5, c : c + 6].tobytes() for r in range(3) for c in range(3)}
    assert {image.tobytes() for image in moved} == possible


def test_accuracy_counts_labelled_images():
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert accuracy(logits, torch.tensor([0, 1, 1, -1])) == pytest.approx(2 / 3)
    assert accuracy(logits, torch.full((4,), -1)) is None


def test_unreadable_weights(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"no")
    with pytest.raises(ConfigError, match="not a readable classifier"):
        load_classifier(tmp_path / "w.safetensors")
