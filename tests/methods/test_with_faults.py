"""Methods with faults: the core method without any, and each fault by hand."""

from __future__ import annotations

import math

import pytest
import torch
from methods_support import FAULTY, ConstantAutoencoder, make
from torch import nn

from sngan_repro.cli.listings import print_methods
from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import Batch, DOutput
from sngan_repro.nets.weights import normalisers_of, weighted_layers
from sngan_repro.study.load import load_study

PAIRS = sorted(FAULTY.items())


def one_step(name: str, **options) -> list[torch.Tensor]:
    """Losses, gradients and weights of one step of D and one of G."""
    method, G, D = make(name, **options)
    torch.manual_seed(1)
    real, fake = torch.rand(5, 1, 16, 16) * 2 - 1, G(torch.randn(5, 8))
    d_loss, d_logs = method.d_loss(D, Batch(real), Batch(fake.detach()))
    d_loss.backward()
    found = [d_loss, *d_logs.values(), *(p.grad for p in D.parameters() if p.grad is not None)]
    with torch.no_grad():
        for parameter in D.parameters():
            parameter -= 0.01 * (parameter.grad if parameter.grad is not None else 0)
    g_loss, g_logs = method.g_loss(D, Batch(fake), Batch(fake.detach()))
    g_loss.backward()
    found += [g_loss, *g_logs.values(), *(p.grad for p in G.parameters()), *method.after_step().values()]
    return [*found, *G.state_dict().values(), *D.state_dict().values()]


@pytest.mark.parametrize(
    ("core", "faulty", "options"), [*((*pair, {}) for pair in PAIRS), (*PAIRS[1], {"loss": "standard"})]
)
def test_without_faults_it_is_the_core_method(core: str, faulty: str, options: dict):
    first, second = one_step(core, **options), one_step(faulty, **options)
    assert len(first) == len(second)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("core", "faulty"), PAIRS)
def test_faults_are_options_that_say_so_and_are_off(core: str, faulty: str):
    defaults, core_defaults = (METHODS.get(name).Options().to_dict() for name in (faulty, core))
    faults = defaults.keys() - core_defaults.keys()
    assert faults
    assert all(name.startswith("fault_") for name in faults)
    assert {name: value for name, value in defaults.items() if name not in faults} == core_defaults
    assert {defaults[name] for name in faults} <= {False, 1}
    options = METHODS.get(faulty).Options()
    core_equations = METHODS.get(core).equations_for(METHODS.get(core).Options())
    assert METHODS.get(faulty).equations_for(options) == core_equations


def test_they_are_listed(capsys):
    print_methods()
    printed = capsys.readouterr().out
    for name in FAULTY.values():
        assert f"\n{name}: " in printed
    assert "fault_num_outputs: int = 1" in printed


@pytest.mark.parametrize("name", FAULTY.values())
def test_default_label_may_be_a_path(name: str, tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(
        f"title: A study\ndatasets: {{d: {{source: digits, image_size: 16}}}}\nmethods: [{name}]\n"
        "settings: {A: {lr: 0.001}}\nseeds: [0]\nbudget: {steps: 5}\n"
        "scores: [{evaluator: classifier, num_fake: 100, metrics: [fid]}]\n"
    )
    assert load_study(str(file)).runs()[0].label == METHODS.get(name).title


def normalisers(net: nn.Module) -> list[nn.BatchNorm2d]:
    return [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]


def test_sngan_batch_norm_follows_every_convolution_of_d():
    _, _, D = make("sngan_with_faults", fault_batch_norm=True)
    layers = list(D.features)
    convolutions = [i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 5
    assert all(isinstance(layers[i + 1], nn.BatchNorm2d) for i in convolutions)
    assert all(layers[i + 1].weight.requires_grad for i in convolutions)
    assert all(normalisers_of(layer) for _, layer in weighted_layers(D))


def test_sngan_batch_norm_undoes_the_scaling_of_spectral_normalisation():
    """Each normaliser scales what the spectral norm made small up again, to variance 1."""
    torch.manual_seed(2)
    image, noise = torch.rand(1, 1, 16, 16), 1e-2 * torch.randn(6, 1, 16, 16)
    slopes = {}
    for fault in (False, True):
        _, _, D = make("sngan_with_faults", fault_batch_norm=fault)
        with torch.no_grad():
            outputs = D(image + noise).logits
        slopes[fault] = ((outputs[1:] - outputs[:1]).abs() / (noise[1:] - noise[:1]).flatten(1).norm(dim=1)).max()
    assert slopes[True] > 30 * slopes[False]


class Zero(nn.Module):
    """A discriminator at chance with K outputs."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x, labels=None):
        return DOutput(torch.zeros(len(x), self.outputs))


def test_sngan_sums_over_its_outputs():
    method, G, D = make("sngan_with_faults", loss="standard", fault_num_outputs=1024)
    images = G(torch.randn(3, 8)).detach()
    assert D(images).logits.shape == (3, 1024)
    assert D.dense.weight.shape[0] == 1024
    assert method.d_loss(Zero(1024), Batch(images), Batch(images))[0].item() == pytest.approx(
        1024 * 2 * math.log(2)
    )  # 1419.6
    assert method.g_loss(Zero(1024), Batch(images), Batch(images))[0].item() == pytest.approx(
        1024 * math.log(2)
    )  # 709.8
    assert r"K = 1024" in method.equations_for(method.options)


def test_sngan_with_two_outputs_by_hand():
    method, _, _ = make("sngan_with_faults", loss="standard", fault_num_outputs=2)
    outputs = iter([torch.tensor([[1.0, -2.0], [0.5, 0.0]]), torch.tensor([[0.0, 3.0], [-1.0, 1.0]])])

    def softplus(x: float) -> float:
        return math.log1p(math.exp(x))

    real = (softplus(-1) + softplus(2) + softplus(-0.5) + softplus(0)) / 2  # two examples
    fake = (softplus(0) + softplus(3) + softplus(-1) + softplus(1)) / 2
    empty = Batch(torch.zeros(2, 1))
    loss, logs = method.d_loss(lambda *batch: DOutput(next(outputs)), empty, empty)
    assert loss.item() == pytest.approx(real + fake)
    assert logs["d_real"].item() == pytest.approx(-0.125)


def test_wgan_gp_batch_norm_mixes_the_examples():
    """With it the output of one example depends on the others, so a penalty per example has no meaning."""
    for fault, count in ((False, 0), (True, 4)):
        _, _, D = make("wgan_gp_with_faults", fault_batch_norm_in_critic=fault)
        assert len(normalisers(D)) == count  # five convolutions, all but the first
        x = torch.rand(4, 1, 16, 16).requires_grad_()
        (gradient,) = torch.autograd.grad(D(x).logits[0], x)
        assert gradient[0].abs().max() > 0
        assert (gradient[1:].abs().max() > 0).item() is fault


def test_ebgan_pulling_away_term_by_hand():
    method, _, _ = make("ebgan_with_faults", fault_constant_pulling_away=True)
    codes = torch.tensor([[1.0, 0.0], [1.0, 2.0]])
    # |S|_1 = 4; squares of the products: 1, 1, 1, 25, over 4^4 = 256; (28 / 256 - 2) / 2.
    assert method.pulling_away(codes).item() == pytest.approx((28 / 256 - 2) / 2)


@pytest.mark.parametrize("kind", ["random", "parallel", "orthogonal"])
def test_ebgan_pulling_away_term_is_constant(kind: str):
    codes = {"random": torch.randn(64, 32), "parallel": torch.ones(64, 32), "orthogonal": torch.eye(64)}[kind]
    codes.requires_grad_()
    method, _, _ = make("ebgan_with_faults", fault_constant_pulling_away=True)
    core, _, _ = make("ebgan")
    fake = torch.zeros(64, 1, 16, 16)
    _, logs = method.g_loss(ConstantAutoencoder(codes), Batch(fake), Batch(fake.detach()))
    assert logs["pulling_away"].item() == pytest.approx(-1 / 63, abs=1e-6)
    faulty, sound = (torch.autograd.grad(m.pulling_away(codes), codes)[0].norm() for m in (method, core))
    assert faulty < 1e-6
    if kind == "random":
        assert sound > 1000 * faulty
    assert r"\lVert S \rVert_1^4" in method.equations_for(method.options)


def test_ebgan_detached_target_loses_part_of_the_gradient():
    class Half(nn.Module):
        def forward(self, x, labels=None):
            return x / 2, x.flatten(1)

    image = torch.rand(2, 1, 16, 16) + 0.1
    gradients, losses = {}, {}
    for fault in (False, True):
        method, _, _ = make("ebgan_with_faults", pt_weight=0.0, fault_detached_target=fault)
        fake = image.clone().requires_grad_()
        loss = method.g_loss(Half(), Batch(fake), Batch(fake.detach()))[0]
        loss.backward()
        gradients[fault], losses[fault] = fake.grad, loss.item()
    # E = mean((y/2 - c)^2): with c = y it is y / (2 n), n = 512; with c constant, 2 (y/2 - y) / 2 / n.
    assert torch.allclose(gradients[False], image / 1024, atol=1e-7)
    assert torch.allclose(gradients[True], -image / 1024, atol=1e-7)
    assert losses[True] == losses[False]
    assert "constant" in method.equations_for(method.options)


def test_ebgan_detached_target_leaves_the_loss_of_d_alone():
    sound, faulty = (make("ebgan_with_faults", fault_detached_target=fault) for fault in (False, True))
    real, fake = torch.rand(4, 1, 16, 16), torch.rand(4, 1, 16, 16)
    gradients = []
    for method, _, D in (sound, faulty):
        loss, _ = method.d_loss(D, Batch(real), Batch(fake))
        gradients.append(torch.autograd.grad(loss, list(D.parameters())))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
