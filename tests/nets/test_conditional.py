"""Class labels in G and D: conditional batch norm, projection, concatenation, the head of AC-GAN."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sngan_repro import nets
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.methods.losses import PENALTIES
from sngan_repro.nets.conditional import ClassEmbedding, ConditionalBatchNorm2d
from sngan_repro.nets.interface import Batch, ImageSpec

WAYS = ("projection", "concat_hidden", "concat_input", "ac")
FAMILIES = {"cnn": ImageSpec(1, 16, 3), "resnet": ImageSpec(3, 32, 3)}
LABELS = torch.tensor([0, 2, 2, 1])


def spec_of(family: str, way: str = "projection") -> NetsSpec:
    return NetsSpec(family=family, width=4, z_dim=8, conditional=True, condition_d=way)


def discriminator(family: str, way: str, **options) -> nn.Module:
    torch.manual_seed(0)
    return nets.build_discriminator(spec_of(family, way), FAMILIES[family], **options)


def images_of(family: str) -> Tensor:
    torch.manual_seed(1)
    return torch.rand(4, *FAMILIES[family].shape) * 2 - 1


def test_conditional_batch_norm_by_hand():
    norm = ConditionalBatchNorm2d(2, 3).double()
    assert norm.weight is None
    assert torch.equal(norm.gains, torch.ones(3, 2, dtype=torch.float64))
    assert torch.equal(norm.shifts, torch.zeros(3, 2, dtype=torch.float64))
    torch.manual_seed(0)
    nn.init.normal_(norm.gains)
    nn.init.normal_(norm.shifts)
    x = torch.randn(4, 2, 3, 3, dtype=torch.float64)
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, correction=0)
    normalised = (x - mean) / (var + 1e-5).sqrt()
    expected = torch.stack(
        [normalised[i] * norm.gains[c][:, None, None] + norm.shifts[c][:, None, None] for i, c in enumerate(LABELS)]
    )
    torch.testing.assert_close(norm(x, LABELS), expected, rtol=1e-12, atol=1e-12)
    one_hot = torch.eye(3, dtype=torch.float64)[LABELS]
    torch.testing.assert_close(norm(x, one_hot), expected, rtol=1e-12, atol=1e-12)
    between = norm(x, (one_hot + torch.eye(3, dtype=torch.float64)[0]) / 2)
    torch.testing.assert_close(between, (expected + norm(x, torch.zeros(4, dtype=torch.int64))) / 2)


def test_which_norms_of_g_are_conditional():
    """All of the blocks; the last one of the residual G is an ordinary one (Miyato and Koyama 2018)."""
    for family, image in FAMILIES.items():
        G = nets.build_generator(spec_of(family), image)
        kinds = [type(m) for m in G.modules() if isinstance(m, nn.BatchNorm2d)]
        conditional = kinds[:-1] if family == "resnet" else kinds
        assert set(conditional) == {ConditionalBatchNorm2d}
        assert family == "cnn" or kinds[-1] is nn.BatchNorm2d


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_change_the_images_of_g_once_the_classes_differ(family: str):
    torch.manual_seed(0)
    G = nets.build_generator(spec_of(family), FAMILIES[family]).eval()
    z = torch.randn(1, 8).expand(3, 8)
    assert torch.allclose(*G(z, torch.tensor([0, 1, 2]))[:2], atol=1e-6)  # all classes start alike
    for module in G.modules():
        if isinstance(module, ConditionalBatchNorm2d):
            nn.init.normal_(module.shifts)
    images = G(z, torch.tensor([0, 1, 1]))
    assert not torch.allclose(images[0], images[1], atol=1e-2)
    assert torch.allclose(images[1], images[2], atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_projection_by_hand(family: str):
    """f(x, c) = <e_c, phi(x)> + psi(phi(x)), phi summed over the positions of the last maps."""
    D, x = discriminator(family, "projection"), images_of(family)
    output = D(x, LABELS)
    phi = output.features[0].sum((2, 3))
    e = D.embedding.weight.t()  # (num_classes, d)
    expected = D.dense(phi).squeeze(1) + torch.stack([e[c] @ phi[i] for i, c in enumerate(LABELS)])
    torch.testing.assert_close(output.logits, expected, rtol=1e-4, atol=1e-5)
    assert e.shape == (3, phi.shape[1])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", ["projection", "concat_hidden"])
def test_the_embedding_is_normalised_as_one_matrix(family: str, way: str):
    D = discriminator(family, way, weights="spectral").train()
    x = images_of(family)
    for _ in range(60):
        D(x, LABELS)
    assert torch.linalg.svdvals(D.embedding.weight.detach())[0].item() == pytest.approx(1, abs=1e-3)
    assert "embedding" in nets.spectral_norms(D)


def test_input_concatenation_by_hand():
    D, x = discriminator("cnn", "concat_input"), images_of("cnn")
    got: list[Tensor] = []
    D.features[0].register_forward_pre_hook(lambda module, inputs: got.append(inputs[0]))
    D(x, LABELS)
    assert got[0].shape == (4, 1 + 3, 16, 16)
    assert torch.equal(got[0][:, :1], x)
    for index, label in enumerate(LABELS.tolist()):
        expected = torch.zeros(3)
        expected[label] = 1
        assert torch.equal(got[0][index, 1:], expected[:, None, None].expand(3, 16, 16))


@pytest.mark.parametrize(
    ("family", "size", "maps"), [("cnn", 32, 8), ("resnet", 32, 8), ("resnet", 48, 6), ("resnet", 128, 16)]
)
def test_hidden_concatenation_by_hand(family: str, size: int, maps: int):
    """At 32 px where the map has 8 x 8 positions; in the larger residual networks after the third block (Table 6)."""
    image = ImageSpec(3, size, 3)
    D = nets.build_discriminator(spec_of(family, "concat_hidden"), image)
    found: list[Tensor] = []
    for module in D.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size[0] > 1:  # not the pooled short way
            module.register_forward_pre_hook(lambda module, inputs: found.append(inputs[0]))
    D(torch.rand(4, *image.shape), LABELS)
    e = D.embedding(LABELS)  # in the blocks it passes through a ReLU first
    assert e.shape == (4, 8)
    wide = [x for x in found if x.shape[1] > 8 and torch.allclose(x[:, -8:].clamp(min=0)[:, :, 1, 2], e.clamp(min=0))]
    assert [tuple(x.shape[2:]) for x in wide] == [(maps, maps)]


@pytest.mark.parametrize("family", FAMILIES)
def test_head_of_acgan_by_hand(family: str):
    D, x = discriminator(family, "ac"), images_of(family)
    output = D(x, LABELS)
    phi = output.features[0].sum((2, 3))
    torch.testing.assert_close(output.class_logits, phi @ D.classes.weight.t(), rtol=1e-4, atol=1e-5)
    assert D.classes.bias is None
    torch.testing.assert_close(D(x).logits, output.logits)  # the label is no input of D


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", ["projection", "concat_hidden", "concat_input"])
def test_the_logit_depends_on_the_label(family: str, way: str):
    D, x = discriminator(family, way), images_of(family)
    assert not torch.allclose(D(x, LABELS).logits, D(x, (LABELS + 1) % 3).logits, atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_outputs_are_float32_in_bf16_and_every_parameter_has_a_gradient(family: str, way: str):
    D = discriminator(family, way, weights="spectral")
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        output = D(images_of(family), LABELS)
    assert output.logits.dtype == torch.float32
    assert output.class_logits is None or output.class_logits.dtype == torch.float32
    (output.logits.sum() + (0 if output.class_logits is None else output.class_logits.square().sum())).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in D.parameters())


@pytest.mark.parametrize("way", WAYS)
def test_gradient_of_the_gradient_penalty_with_labels(way: str):
    """Against finite differences in float64."""
    D, x = discriminator("cnn", way).double(), images_of("cnn").double()
    real, fake = Batch(x, LABELS), Batch(-x, LABELS)

    def penalty() -> Tensor:
        torch.manual_seed(3)
        return PENALTIES["gradient"].function(D, real, fake)

    penalty().backward()
    embedding = [D.embedding.weight] if hasattr(D, "embedding") else []
    for weight in (D.features[0].weight, D.dense.weight, *embedding):
        index = tuple(int(i) for i in torch.unravel_index(weight.grad.abs().argmax(), weight.shape))
        value, found = weight.detach()[index].item(), []
        for sign in (1, -1):
            weight.data[index] = value + sign * 1e-6
            found.append(penalty().item())
        weight.data[index] = value
        assert (found[0] - found[1]) / 2e-6 == pytest.approx(weight.grad[index].item(), rel=1e-4)


def test_embedding_is_a_dense_layer_of_one_hot_labels():
    embedding = ClassEmbedding(3, 5)
    torch.testing.assert_close(embedding(LABELS), nn.functional.linear(torch.eye(3)[LABELS], embedding.weight))


def test_without_classes_nothing_changes():
    """An unconditional D of the family has no further weights, whatever labels are given."""
    spec, image = NetsSpec(width=4, z_dim=8), ImageSpec(1, 16)
    D = nets.build_discriminator(spec, image)
    x = images_of("cnn")
    assert torch.equal(D(x).logits, D(x, LABELS).logits)
    assert D(x).class_logits is None
    assert not any("embedding" in name or "classes" in name for name, _ in D.named_parameters())


def test_what_is_refused():
    with pytest.raises(ConfigError, match="`condition_d` has no effect without `conditional: true`"):
        parse(NetsSpec, {"condition_d": "concat_input"}, "nets")
    with pytest.raises(ConfigError, match="has one output"):
        discriminator("cnn", "projection", num_outputs=4)
    with pytest.raises(ConfigError, match="an autoencoding discriminator uses no class labels"):
        nets.build_autoencoder_discriminator(spec_of("cnn"), FAMILIES["cnn"], 4)
