"""The methods: games, states and networks."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from methods_support import FAULTY, ConstantAutoencoder, labels_for, make
from torch import nn

from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import Batch
from sngan_repro.nets.spectral_norm import SpectralNorm
from sngan_repro.nets.weights import normalisers_of, weighted_layers

CORE = ["began", "bn", "ebgan", "gan", "ln", "sngan", "wgan_gp"]
NAMES = METHODS.names()
"""Whatever registers itself, so that a new method is tested without an edit here."""


def test_the_methods_are_registered():
    assert {*CORE, *FAULTY.values()} <= set(NAMES)


def test_listing_does_not_import_torch():
    code = (
        "import sys; from sngan_repro.methods import METHODS; "
        "[METHODS.get(n).Options() for n in METHODS.names()]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 28, 28)])
def test_losses_reach_the_right_network(name: str, shape):
    method, G, D = make(name, shape)
    labels = labels_for(method, 6)
    real = Batch(torch.rand(6, *shape) * 2 - 1, labels)
    fake = G(torch.randn(6, 8), labels)
    d_loss, logs = method.d_loss(D, real, Batch(fake.detach(), labels))
    d_loss.backward()
    assert d_loss.isfinite()
    assert {"d_real", "d_fake"} <= logs.keys()
    assert all(not value.requires_grad and value.ndim == 0 for value in logs.values())
    assert all(p.grad is None for p in G.parameters())
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in D.parameters())
    D.requires_grad_(False)
    D.zero_grad()
    g_loss, _ = method.g_loss(D, Batch(fake, labels), real)
    g_loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in G.parameters())
    assert all(p.grad is None for p in D.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_each_network_lowers_its_loss(name: str):
    """In float64, since the step lowers some losses by less than the precision of float32."""
    method, G, D = make(name)
    G.double(), D.double()
    method.state = {key: value.double() if value.is_floating_point() else value for key, value in method.state.items()}
    labels = labels_for(method, 16)
    images = torch.rand(16, 1, 16, 16, dtype=torch.float64)
    real, z = Batch(images * 2 - 1, labels), torch.randn(16, 8, dtype=torch.float64)

    def d_loss():
        torch.manual_seed(1)  # the same interpolates for WGAN-GP
        return method.d_loss(D, real, Batch(G(z, labels).detach(), labels))[0]

    def g_loss():
        return method.g_loss(D, Batch(G(z, labels), labels), real)[0]

    for loss, net in ((d_loss, D), (g_loss, G)):
        optimizer = torch.optim.SGD(net.parameters(), 1e-3)
        before = loss()
        optimizer.zero_grad()
        before.backward()
        optimizer.step()
        assert loss() < before


def test_sngan_normalises_every_layer_of_d_and_none_of_g():
    _, G, D = make("sngan")
    layers = [layer for _, layer in weighted_layers(D)]
    assert len(layers) == 6  # five convolutions and a dense layer
    assert all([type(n) for n in normalisers_of(layer)] == [SpectralNorm] for layer in layers)
    assert not any(normalisers_of(layer) for _, layer in weighted_layers(G))
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)) for m in D.modules())


@pytest.mark.parametrize(("name", "kind"), [("bn", nn.BatchNorm2d), ("ln", nn.GroupNorm)])
def test_normaliser_in_d_only(name: str, kind: type):
    _, G, D = make(name)
    assert sum(isinstance(m, kind) for m in D.modules()) == 4  # five convolutions, all but the first
    assert not any(isinstance(m, nn.GroupNorm) for m in G.modules())


def test_wgan_gp_has_no_normaliser_and_adds_ten_penalties():
    method, G, D = make("wgan_gp")
    assert not any(isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)) for m in D.modules())
    real, fake = torch.rand(4, 1, 16, 16), G(torch.randn(4, 8)).detach()
    loss, logs = method.d_loss(D, Batch(real), Batch(fake))
    critic = D(fake).logits.mean() - D(real).logits.mean()
    assert loss.item() == pytest.approx((critic + 10 * logs["penalty"]).item(), rel=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "standard"])
def test_sngan_loss_option(loss: str):
    from sngan_repro.methods.losses.adversarial import LOSSES

    method, G, D = make("sngan", loss=loss)
    D.eval()
    real, fake = torch.rand(4, 1, 16, 16), G(torch.randn(4, 8)).detach()
    assert method.d_loss(D, Batch(real), Batch(fake))[0].item() == pytest.approx(
        LOSSES[loss].d(D(real).logits, D(fake).logits).item()
    )
    assert method.g_loss(D, Batch(fake), Batch(real))[0].item() == pytest.approx(LOSSES[loss].g(D(fake).logits).item())


def test_began_by_hand():
    method, _, _ = make("began", gamma=0.5, lambda_k=0.1)
    real, fake = torch.full((2, 1, 16, 16), 0.8), torch.full((2, 1, 16, 16), 0.2)
    D = ConstantAutoencoder()
    method.state["k"].fill_(0.25)
    loss, logs = method.d_loss(D, Batch(real), Batch(fake))
    assert loss.item() == pytest.approx(0.8 - 0.25 * 0.2)
    assert method.g_loss(D, Batch(fake), Batch(real))[0].item() == pytest.approx(0.2)
    logs = method.after_step()
    assert logs["k"].item() == pytest.approx(0.25 + 0.1 * (0.5 * 0.8 - 0.2))
    assert logs["convergence"].item() == pytest.approx(0.8 + abs(0.5 * 0.8 - 0.2))
    method.state["real_error"].fill_(1e6)
    assert method.after_step()["k"].item() == 1.0  # clipped
    method.state["real_error"].fill_(-1e6)
    assert method.after_step()["k"].item() == 0.0


def test_ebgan_margin_is_per_example():
    method, _, _ = make("ebgan", margin=1.0, pt_weight=0.1)
    real = torch.full((2, 1, 16, 16), 0.5)
    fake = torch.cat([torch.full((1, 1, 16, 16), 2.0), torch.zeros(1, 1, 16, 16)])  # energies 4 and 0
    loss, _ = method.d_loss(ConstantAutoencoder(), Batch(real), Batch(fake))
    assert loss.item() == pytest.approx(0.25 + (0.0 + 1.0) / 2)  # of the batch mean it would be 0.25 + 0
    codes = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    loss, logs = method.g_loss(ConstantAutoencoder(codes), Batch(fake), Batch(real))
    assert logs["pulling_away"].item() == pytest.approx(0.5)
    assert loss.item() == pytest.approx(2.0 + 0.1 * 0.5)


def test_ebgan_generator_gradient_passes_through_target_and_reconstruction():
    method, _, _ = make("ebgan", pt_weight=0.0)
    fake = torch.rand(1, 1, 16, 16).requires_grad_()
    real = fake.detach()

    class Half(nn.Module):
        def forward(self, x, labels=None):
            return x / 2, x.flatten(1)

    method.g_loss(Half(), Batch(fake), Batch(real))[0].backward()
    # E = mean((y/2 - y)^2) = mean(y^2) / 4, so dE/dy = y / (2 n); a detached target would give another factor.
    assert torch.allclose(fake.grad, fake.detach() / (2 * 256), atol=1e-7)


def test_began_state_round_trip():
    method, _, _ = make("began")
    method.state["k"].fill_(0.3)
    saved = copy.deepcopy(method.state)
    other, _, _ = make("began")
    for name, value in saved.items():
        other.state[name].copy_(value)
    assert other.state["k"].item() == pytest.approx(0.3)


def test_equations_follow_the_loss_option():
    method = METHODS.get("sngan")
    hinge, standard = (method.equations_for(method.Options(loss=loss)) for loss in ("hinge", "standard"))
    assert r"\max(0, 1 - f(x))" in hinge
    assert r"\max" not in standard
    assert r"\log(1 + e^{-f(x)})" in standard
    assert all(r"\bar{W} = W / \sigma_1(W)" in text for text in (hinge, standard))
    wgan_gp = METHODS.get("wgan_gp")
    assert r"\lambda\,\mathbb{E}[(\lVert\nabla f(v)\rVert_2 - 1)^2]" in wgan_gp.equations_for(wgan_gp.Options())


@pytest.mark.parametrize("name", NAMES)
def test_real_and_fake_pass_through_d_together_only_where_that_changes_nothing(name: str):
    """A joint batch would let a normaliser in D read the mixing ratio, and spectral normalisation iterate once less."""
    method, G, D = make(name)
    labels = labels_for(method, 6)
    real, fake = (Batch(x, labels) for x in (torch.rand(6, 1, 16, 16), G(torch.randn(6, 8), labels).detach()))
    sizes = []
    hook = D.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    joint, separate = {"together": [12], "apart": [6, 6]}["together" if method.batch_real_and_fake else "apart"], [6, 6]
    method.d_loss(D, real, fake)
    assert sizes[: len(joint)] == joint
    hook.remove()
    if not method.batch_real_and_fake:
        assert set(sizes) == set(separate)
        return
    found = []
    D.eval()  # kept singular vectors stay; there is no batch norm here
    for method.batch_real_and_fake in (True, False):
        torch.manual_seed(3)
        loss, logs = method.d_loss(D, real, fake)
        weights = [weight for weight in D.parameters() if weight.requires_grad]
        found.append([loss, *logs.values(), *torch.autograd.grad(loss, weights)])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_normalisers_and_faults_keep_real_and_fake_apart():
    assert not make("sngan")[0].batch_real_and_fake
    assert not make("bn")[0].batch_real_and_fake
    assert not make("wgan_gp_with_faults", fault_batch_norm_in_critic=True)[0].batch_real_and_fake
    assert make("wgan_gp_with_faults")[0].batch_real_and_fake


def test_options_without_effect_are_errors_and_are_not_shown():
    gan = METHODS.get("gan")
    for given, key in (
        ({"power_iterations": 3}, "power_iterations"),
        ({"weights": "frobenius", "spectral_target": 2}, "spectral_target"),
        ({"gain": True}, "gain"),
        ({"weights_gain": True}, "weights_gain"),
        ({"weights": "spectral", "weights_gain": True, "spectral_target": 2}, "spectral_target"),
        ({"penalty_weight": 1}, "penalty_weight"),
        ({"clip_what": "conv"}, "clip_what"),
    ):
        with pytest.raises(ConfigError, match=f"`{key}` has no effect without"):
            gan.check(gan.Options(**given), None)
    grid = gan.Options(loss="hinge", weights="frobenius", penalty="orthonormal", clip=0.01)
    gan.check(grid, None)
    shown = {"loss": "hinge", "weights": "frobenius", "penalty": "orthonormal", "penalty_weight": 1e-4}
    assert gan.options_in_effect(grid) == shown | {"clip": 0.01, "clip_what": "all"}
    assert METHODS.get("bn").options_in_effect(METHODS.get("bn").Options()) == {
        "loss": "standard",
        "norm": "batch",
        "gain": False,
    }


def test_clipping_follows_each_step_of_d():
    method, _, D = make("gan", clip=0.01)
    assert max(p.abs().max() for p in D.parameters()) > 0.01
    method.after_d_step(D)
    assert max(p.abs().max().item() for p in D.parameters()) == pytest.approx(0.01)


def test_a_penalty_has_its_usual_weight():
    assert METHODS.get("gan").Options(penalty="r1").penalty_weight == 10
    assert METHODS.get("wgan_gp").Options().penalty_weight == 10
    assert METHODS.get("wgan_gp").Options(penalty="orthonormal").penalty_weight == 1e-4
    assert METHODS.get("wgan_gp").Options(penalty_weight=5).penalty_weight == 5


@pytest.mark.parametrize(("loss", "weights"), [("hinge", "frobenius"), ("standard", "weight"), ("wasserstein", None)])
def test_equations_of_the_grid(loss: str, weights: str | None):
    gan = METHODS.get("gan")
    equations = gan.equations_for(gan.Options(loss=loss, weights=weights, penalty="orthonormal", clip=0.01))
    assert equations.startswith("L_D = ")
    assert r"\lambda\," in equations
    assert "0.01" in equations
    assert (r"\bar{W}" in equations) is (weights is not None)
