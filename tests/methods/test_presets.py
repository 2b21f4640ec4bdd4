"""The presets of `gan` for the SNGAN paper: losses, initial weights, clipping, against independent formulas."""

from __future__ import annotations

import pytest
import torch
from methods_support import make

from sngan_repro.methods import METHODS
from sngan_repro.methods.gan import GAN
from sngan_repro.methods.losses import LOSSES
from sngan_repro.nets.interface import Batch
from sngan_repro.nets.weights import effective_weight, original_weight, weight_matrix, weighted_layers

REAL, FAKE = torch.tensor([0.5, -2.0, 3.0]).double(), torch.tensor([1.0, -0.5, -4.0]).double()


def log_sigmoid(x: torch.Tensor) -> torch.Tensor:
    return torch.log(1 / (1 + torch.exp(-x)))


@pytest.mark.parametrize(
    ("loss", "d", "g"),
    [
        (
            "standard",
            lambda f, h: -(log_sigmoid(f).mean() + torch.log(1 - torch.sigmoid(h)).mean()),
            lambda h: -log_sigmoid(h).mean(),
        ),
        (
            "minimax",
            lambda f, h: -(log_sigmoid(f).mean() + torch.log(1 - torch.sigmoid(h)).mean()),
            lambda h: torch.log(1 - torch.sigmoid(h)).mean(),
        ),
        (
            "hinge",
            lambda f, h: (1 - f).clamp_min(0).mean() + (1 + h).clamp_min(0).mean(),
            lambda h: -h.mean(),
        ),
        ("wasserstein", lambda f, h: h.mean() - f.mean(), lambda h: -h.mean()),
        (
            "least_squares",
            lambda f, h: ((f - 1) ** 2).mean() / 2 + (h**2).mean() / 2,
            lambda h: ((h - 1) ** 2).mean() / 2,
        ),
    ],
)
def test_losses_against_their_formulas(loss: str, d, g):
    torch.testing.assert_close(LOSSES[loss].d(REAL, FAKE), d(REAL, FAKE), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(LOSSES[loss].g(FAKE), g(FAKE), rtol=1e-12, atol=1e-12)


def test_losses_by_hand():
    assert LOSSES["least_squares"].d(torch.tensor([3.0]), torch.tensor([2.0])).item() == 4.0  # (4 + 4) / 2
    assert LOSSES["least_squares"].g(torch.tensor([3.0])).item() == 2.0
    assert LOSSES["minimax"].g(torch.zeros(2)).item() == pytest.approx(-0.693147, abs=1e-6)


PRESETS = {
    "plain": {"loss": "standard"},
    "clipping": {"loss": "standard", "clip": 0.01, "clip_what": "conv"},
    "wgan": {"loss": "wasserstein", "clip": 0.01, "clip_what": "all"},
    "gan_gp": {"loss": "standard", "penalty": "gradient", "penalty_weight": 10.0},
    "sn_wgan_gp": {
        "loss": "wasserstein",
        "penalty": "gradient",
        "penalty_weight": 10.0,
        "weights": "spectral",
        "weights_gain": True,
    },
    "weight_norm": {"loss": "standard", "weights": "weight"},
    "frobenius": {"loss": "standard", "weights": "frobenius"},
    "orthonormal": {"loss": "standard", "penalty": "orthonormal", "penalty_weight": 1e-4, "d_init": "orthogonal"},
    "sv_clipping": {"loss": "standard", "clip_singular_values": 5},
    "spectral_penalty": {"loss": "standard", "penalty": "spectral", "penalty_weight": 0.01},
    "lsgan": {"loss": "least_squares"},
    "dragan": {"loss": "standard", "penalty": "dragan", "penalty_weight": 10.0},
    "r1": {"loss": "standard", "penalty": "r1", "penalty_weight": 10.0},
    "sngan": {"loss": "hinge", "weights": "spectral"},
    "bn": {"loss": "standard", "norm": "batch"},
    "dcgan": {"loss": "standard", "norm": "batch", "gain": True},
    "ln": {"loss": "standard", "norm": "layer"},
    "wgan_gp": {"loss": "wasserstein", "penalty": "gradient", "penalty_weight": 10.0},
}


def test_presets_are_values_of_gan():
    """A preset is `gan` with other defaults: the options that differ are those of this table, and no more."""
    plain = dict(METHODS.get("gan").Options())
    for name, expected in PRESETS.items():
        method = METHODS.get(name)
        assert issubclass(method, GAN)
        options = dict(method.Options())
        different = {key: value for key, value in options.items() if value != plain[key]}
        assert different == {key: value for key, value in expected.items() if value != plain[key]}, name
        method.check(method.Options(), None)
        shown = method.options_in_effect(method.Options())
        assert expected.items() <= shown.items(), name  # the report says what makes the preset
    others = {name for name in METHODS.names() if issubclass(METHODS.get(name), GAN)} - PRESETS.keys() - {"gan"}
    assert others == {"acgan", "k_plus_1", "sngan_with_faults", "wgan_gp_with_faults"}


@pytest.mark.parametrize("name", [name for name, options in PRESETS.items() if "penalty" in options])
def test_d_loss_is_the_loss_and_the_weighted_penalty(name: str):
    method, _, D = make(name)
    D.double().eval()
    real, fake = (Batch(torch.rand(4, 1, 16, 16, dtype=torch.float64)) for _ in range(2))
    torch.manual_seed(5)
    loss, logs = method.d_loss(D, real, fake)
    without = LOSSES[method.options.loss].d(D(*real).logits, D(*fake).logits)
    expected = without + PRESETS[name]["penalty_weight"] * logs["penalty"]
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-12)
    assert logs["penalty"] > 0


@pytest.mark.parametrize("name", ["sn_wgan_gp", "wn"])
def test_gains_start_at_the_weight_itself_and_are_trained(name: str):
    """Miyato et al. 2018, appendix E: W' = gamma W / sigma(W), gamma one number per layer (WN: per row)."""
    method, _, D = make("gan", weights="weight", weights_gain=True) if name == "wn" else make(name)
    for _, layer in weighted_layers(D):
        original = original_weight(layer)
        torch.testing.assert_close(effective_weight(layer), original.detach(), rtol=2e-2, atol=1e-3)
        gain = layer.parametrizations.weight[0].gain
        rows = torch.linalg.vector_norm(original.flatten(1), dim=1)
        expected = rows[:, None] if name == "wn" else torch.linalg.svdvals(original.flatten(1))[0]
        torch.testing.assert_close(gain.detach(), expected.detach())
    real, fake = (Batch(torch.rand(4, 1, 16, 16)) for _ in range(2))
    method.d_loss(D, real, fake)[0].backward()
    for _, layer in weighted_layers(D):
        gain = layer.parametrizations.weight[0].gain
        assert gain.grad.abs().max() > 0
        with torch.no_grad():
            gain.mul_(3)
    D.eval()
    for _, layer in weighted_layers(D):
        if name != "wn":
            sigma = torch.linalg.matrix_norm(weight_matrix(layer), 2)
            torch.testing.assert_close(
                sigma.float(), layer.parametrizations.weight[0].gain.detach(), rtol=3e-2, atol=1e-3
            )


def test_orthonormal_weights_at_the_start():
    _, _, D = make("orthonormal")
    for _, layer in weighted_layers(D):
        values = torch.linalg.svdvals(original_weight(layer).detach().flatten(1).double())
        torch.testing.assert_close(values, torch.ones_like(values), rtol=1e-5, atol=1e-5)
    G = make("orthonormal")[1]
    assert all(torch.equal(a, b) for a, b in zip(G.parameters(), make("plain")[1].parameters(), strict=True))


def test_singular_values_are_clipped_after_every_fifth_step_of_d():
    method, _, D = make("sv_clipping")
    assert not method.cuda_graph
    assert make("plain")[0].cuda_graph
    with torch.no_grad():
        for _, layer in weighted_layers(D):
            layer.weight.mul_(3)
    before = {name: layer.weight.detach().clone() for name, layer in weighted_layers(D)}
    for _ in range(4):
        method.after_d_step(D)
    assert all(torch.equal(before[name], layer.weight) for name, layer in weighted_layers(D))
    method.after_d_step(D)
    for name, layer in weighted_layers(D):
        u, values, vt = torch.linalg.svd(before[name].flatten(1).double(), full_matrices=False)
        assert values[0] > 1
        expected = (u @ torch.diag(values.clamp_max(1)) @ vt).view(layer.weight.shape)
        torch.testing.assert_close(layer.weight.detach().double(), expected, rtol=1e-4, atol=1e-5)


def test_clipping_of_convolutions_leaves_dense_layers_and_biases_free():
    method, _, D = make("clipping")
    with torch.no_grad():
        for parameter in D.parameters():
            parameter.fill_(0.5)
    method.after_d_step(D)
    changed = {name: float(parameter.detach().max()) for name, parameter in D.named_parameters()}
    assert {name for name, value in changed.items() if value < 0.5} == {
        f"{name}.weight" for name, layer in weighted_layers(D) if not isinstance(layer, torch.nn.Linear)
    }
    assert min(changed.values()) == pytest.approx(0.01)
