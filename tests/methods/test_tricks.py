"""Label smoothing, feature matching and K + 1 classes: by hand, by independent formulas, by finite differences."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from methods_support import labels_for, make

from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import METHODS
from sngan_repro.methods.losses import FEATURE_LOSSES, smoothed_d, smoothed_g, standard_d, standard_g
from sngan_repro.nets.interface import Batch, DOutput

REAL, FAKE = torch.tensor([0.5, -2.0, 3.0]).double(), torch.tensor([1.0, -0.5, -4.0]).double()
IMAGES = Batch(torch.zeros(2, 1, 16, 16))


def d_of(logits: float, features: torch.Tensor | None = None):
    """A D with one logit for all images, and given features (N, ...)."""

    def call(images: torch.Tensor, labels: torch.Tensor | None = None) -> DOutput:
        return DOutput(torch.full((len(images),), logits), () if features is None else (features,))

    return call


# Targets -------------------------------------------------------------------------------------------------------------


def test_one_sided_smoothing_by_hand():
    """At logit log 3 the sigmoid is 3/4: with the target 0.9 the real part is -0.9 log 3/4 - 0.1 log 1/4."""
    method, _, _ = make("gan", real_target=0.9)
    loss, logs = method.d_loss(d_of(math.log(3)), IMAGES, IMAGES)
    expected = -0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4) - math.log(1 / 4)
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert logs["d_real"].item() == pytest.approx(math.log(3), rel=1e-6)
    g_loss, _ = method.g_loss(d_of(math.log(3)), IMAGES, IMAGES)
    assert g_loss.item() == pytest.approx(-math.log(3 / 4), rel=1e-6)  # G's target stays 1


def test_targets_of_fakes_and_of_g_by_hand():
    method, _, _ = make("gan", fake_target=0.1, g_target=0.9)
    loss, _ = method.d_loss(d_of(0.0), IMAGES, IMAGES)
    assert loss.item() == pytest.approx(2 * math.log(2), rel=1e-6)  # at chance no target matters
    loss, _ = method.d_loss(d_of(math.log(3)), IMAGES, IMAGES)
    expected = -math.log(3 / 4) - 0.1 * math.log(3 / 4) - 0.9 * math.log(1 / 4)
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    g_loss, _ = method.g_loss(d_of(math.log(3)), IMAGES, IMAGES)
    assert g_loss.item() == pytest.approx(-0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4), rel=1e-6)


@pytest.mark.parametrize(("real_target", "fake_target"), [(1.0, 0.0), (0.9, 0.0), (0.9, 0.1), (0.7, 0.3)])
def test_smoothed_losses_are_the_cross_entropy_of_probabilities(real_target, fake_target):
    """As the tutorial writes it: binary cross entropy of the sigmoid with constant targets, summed."""

    def bce(logits, target):
        return F.binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, target))

    expected = bce(REAL, real_target) + bce(FAKE, fake_target)
    torch.testing.assert_close(smoothed_d(REAL, FAKE, real_target, fake_target), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(smoothed_g(FAKE, real_target), bce(FAKE, real_target), rtol=1e-12, atol=1e-12)


def test_targets_of_1_and_0_are_the_standard_loss():
    torch.testing.assert_close(smoothed_d(REAL, FAKE, 1, 0), standard_d(REAL, FAKE), rtol=0, atol=0)
    torch.testing.assert_close(smoothed_g(FAKE, 1), standard_g(FAKE), rtol=0, atol=0)


def test_the_best_d_under_one_sided_smoothing():
    """Where real and generated images have densities p and q, the smoothed loss is least at s(f) = 0.9 p / (p + q)
    (Goodfellow 2016, eq. 20, for the fake target 0); a fake target of 0.1 adds 0.1 q to the numerator."""
    for fake_target, expected in ((0.0, 0.45), (0.1, 0.5)):
        f = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([f], max_iter=100, tolerance_grad=1e-12, tolerance_change=1e-15)

        def closure(fake_target=fake_target, f=f, optimizer=optimizer):
            optimizer.zero_grad()
            loss = smoothed_d(f, f, 0.9, fake_target)  # p = q: the same logit for both
            loss.backward()
            return loss

        optimizer.step(closure)
        assert f.sigmoid().item() == pytest.approx(expected, abs=1e-6)


# Feature matching ----------------------------------------------------------------------------------------------------


def test_feature_losses_by_hand():
    """Means of the real images: (2, 3); of the generated ones: (1, 1). Differences 1 and 2."""
    real, fake = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.0, 0.0], [2.0, 2.0]])
    assert FEATURE_LOSSES["mean_l2"].function(real, fake).item() == 1 + 4
    assert FEATURE_LOSSES["mean_l1"].function(real, fake).item() == (1 + 2) / 2
    assert FEATURE_LOSSES["pairwise_mse"].function(real, fake).item() == (1 + 4 + 1 + 4) / 4
    swapped = fake.flip(0)  # the means stay, the pairs do not
    assert FEATURE_LOSSES["mean_l2"].function(real, swapped).item() == 5
    assert FEATURE_LOSSES["pairwise_mse"].function(real, swapped).item() == (1 + 0 + 9 + 16) / 4


@pytest.mark.parametrize("kind", FEATURE_LOSSES)
def test_feature_losses_against_numpy_in_float64(kind):
    torch.manual_seed(0)
    real, fake = (torch.randn(5, 3, 4, 4, dtype=torch.float64) for _ in range(2))
    a, b = (x.numpy().reshape(5, -1) for x in (real, fake))
    expected = {
        "mean_l2": ((a.mean(0) - b.mean(0)) ** 2).sum(),
        "mean_l1": abs(a.mean(0) - b.mean(0)).mean(),
        "pairwise_mse": ((a - b) ** 2).mean(),
    }[kind]
    assert FEATURE_LOSSES[kind].function(real, fake).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", FEATURE_LOSSES)
def test_feature_loss_is_the_loss_of_g(kind):
    """Of D's last maps; its gradient is that of finite differences, and none of it goes through the real images."""
    method, G, D = make("gan", feature_loss=kind)
    G.double().eval()
    D.double().eval()
    torch.manual_seed(1)
    real, z = Batch(torch.rand(6, 1, 16, 16, dtype=torch.float64)), torch.randn(6, 8, dtype=torch.float64)

    def loss() -> torch.Tensor:
        return method.g_loss(D, Batch(G(z)), real)[0]

    expected = FEATURE_LOSSES[kind].function(D(*real).features[-1], D(G(z)).features[-1])
    assert loss().item() == pytest.approx(expected.item(), rel=1e-12)
    weight = G.to_image.weight
    value = loss()
    (gradient,) = torch.autograd.grad(value, weight)
    direction = torch.randn_like(weight)
    step = 1e-6
    with torch.no_grad():
        weight += step * direction
        up = loss()
        weight -= 2 * step * direction
        down = loss()
    slope = (up - down).item() / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(slope, rel=1e-5)


def test_d_is_trained_by_the_adversarial_loss_under_feature_matching():
    method, _, D = make("gan", feature_loss="mean_l2")
    plain, _, _ = make("gan")
    real, fake = Batch(torch.rand(4, 1, 16, 16)), Batch(torch.rand(4, 1, 16, 16))
    assert method.d_loss(D, real, fake)[0].item() == plain.d_loss(D, real, fake)[0].item()


def test_pairs_of_batches_of_different_sizes():
    real, fake = torch.ones(2, 3), torch.zeros(5, 3)
    assert FEATURE_LOSSES["pairwise_mse"].function(real, fake).item() == 1


# K + 1 classes -------------------------------------------------------------------------------------------------------


def odds(images: torch.Tensor, labels: torch.Tensor | None = None) -> DOutput:
    """Odds of 3 : 1 : 1 : 5 for real images, 1 : 1 : 2 : 4 for generated ones; the last number is "generated"."""
    numbers = torch.tensor([3.0, 1, 1, 5]) if images.max() == 0 else torch.tensor([1.0, 1, 2, 4])
    logits = numbers.log().expand(len(images), 4)
    return DOutput(logits[:, :3].logsumexp(1) - logits[:, 3], (images,), logits)


def test_k_plus_1_by_hand():
    method, _, _ = make("k_plus_1")
    real = Batch(torch.zeros(2, 1, 16, 16), torch.tensor([0, 2]))
    fake = Batch(torch.ones(2, 1, 16, 16), torch.tensor([1, 2]))
    d_loss, logs = method.d_loss(odds, real, fake)
    g_loss, _ = method.g_loss(odds, fake, real)
    assert d_loss.item() == pytest.approx(-(math.log(0.3) + math.log(0.1)) / 2 - math.log(1 / 2), rel=1e-6)
    assert g_loss.item() == pytest.approx(-(math.log(1 / 8) + math.log(2 / 8)) / 2, rel=1e-6)
    assert logs["d_real"].item() == pytest.approx(0.0, abs=1e-6)  # odds 5 : 5
    assert logs["d_fake"].item() == pytest.approx(0.0, abs=1e-6)  # odds 4 : 4


def test_k_plus_1_against_an_independent_formula_in_float64():
    method, G, D = make("k_plus_1")
    D.double().eval()
    G.double().eval()
    real = Batch(torch.rand(6, 1, 16, 16, dtype=torch.float64), labels_for(method, 6))
    fake = Batch(G(torch.randn(6, 8, dtype=torch.float64), real.labels).detach(), real.labels)
    p_real, p_fake = (D(*batch).class_logits.double().softmax(1) for batch in (real, fake))
    rows = torch.arange(6)
    expected = -p_real[rows, real.labels].log().mean() - p_fake[:, 3].log().mean()
    assert method.d_loss(D, real, fake)[0].item() == pytest.approx(expected.item(), rel=1e-6)
    assert method.g_loss(D, fake, real)[0].item() == pytest.approx(
        -p_fake[rows, fake.labels].log().mean().item(), rel=1e-6
    )


def test_k_plus_1_does_not_read_labels_in_d():
    """D has no other way to know a class: the label it is given changes nothing."""
    _, _, D = make("k_plus_1")
    D.eval()
    images = torch.rand(3, 1, 16, 16)
    first, second = (D(images, torch.tensor(labels)).class_logits for labels in ([0, 1, 2], [2, 0, 1]))
    assert torch.equal(first, second)


# Checks and texts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("gan", {"loss": "hinge", "real_target": 0.9}, "`real_target` has no effect without `loss: standard`"),
        ("gan", {"loss": "wasserstein", "fake_target": 0.1}, "`fake_target` has no effect without `loss: standard`"),
        ("gan", {"loss": "minimax", "g_target": 0.9}, "`g_target` has no effect without `loss: standard`"),
        ("gan", {"feature_loss": "mean_l2", "g_target": 0.9}, "`g_target` has no effect without `feature_loss: null`"),
        ("k_plus_1", {"loss": "hinge"}, "`loss` has no effect with K \\+ 1 classes"),
        ("k_plus_1", {"real_target": 0.9}, "`real_target` has no effect with K \\+ 1 classes"),
    ],
)
def test_options_without_effect_are_errors(method, options, message):
    chosen = METHODS.get(method)
    with pytest.raises(ConfigError, match=message):
        chosen.check(chosen.Options(**options), None)


@pytest.mark.parametrize("options", [{"real_target": 0.9}, {"loss": "minimax", "real_target": 0.9, "fake_target": 0.1}])
def test_smoothing_goes_with_both_forms_of_the_loss(options):
    METHODS.get("gan").check(METHODS.get("gan").Options(**options), None)


@pytest.mark.parametrize(
    ("key", "value"), [("real_target", 1.1), ("real_target", 0.5), ("fake_target", 0.5), ("g_target", 0)]
)
def test_targets_have_ranges(key, value):
    with pytest.raises(ValueError, match=key):
        METHODS.get("gan").Options(**{key: value})


def test_equations_name_the_targets():
    gan = METHODS.get("gan")
    text = gan.equations_for(gan.Options(real_target=0.9))
    assert text.startswith(r"L_D = \mathbb{E}[0.9\,\log(1 + e^{-f(x)}) + 0.1\,\log(1 + e^{f(x)})] + ")
    assert r" + \mathbb{E}[\log(1 + e^{f(y)})], \qquad L_G = \mathbb{E}[\log(1 + e^{-f(y)})]" in text
    assert gan.source_for(gan.Options(real_target=0.9)) == "goodfellow2014, salimans2016"
    matched = gan.equations_for(gan.Options(feature_loss="mean_l2"))
    assert matched.endswith(r"L_G = \lVert \mathbb{E}[h(x)] - \mathbb{E}[h(y)] \rVert_2^2")
    k_plus_1 = METHODS.get("k_plus_1")
    d_loss, g_loss = k_plus_1.equations_for(k_plus_1.Options()).split(r", \qquad ")
    assert d_loss.startswith(r"L_D = -\mathbb{E}[\log p_D(c \mid x)]")
    assert g_loss == r"L_G = -\mathbb{E}[\log p_D(c \mid y)]"
    assert "loss" not in k_plus_1.options_in_effect(k_plus_1.Options())
    with_penalty = k_plus_1.equations_for(k_plus_1.Options(penalty="r1"))
    assert r"\lambda" in with_penalty.split(r", \qquad ")[0]


def test_runs_without_tricks_keep_their_specification():
    """Options added later are left out at their default, so earlier results stay valid."""
    text = METHODS.get("gan").Options().to_json()
    assert not any(key in text for key in ("real_target", "fake_target", "g_target", "feature_loss"))
