"""The shared check of methods: every method passes it, and every kind of broken method is found, with the line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from sngan_repro.cli.main import main
from sngan_repro.core import plugins
from sngan_repro.core.schema import ConfigError
from sngan_repro.extend.check_method import CHECKS, SIZES, Case, check_method, findings
from sngan_repro.methods import METHODS

TEMPLATE = """\
from pydantic import Field

from sngan_repro import nets
from sngan_repro.core.lazy import torch
from sngan_repro.methods.base import METHODS, Method, MethodOptions


@METHODS.register("NAME")
class Tried(Method):
    title = "Tried"
    summary = "least squares, with a mean of D's output as its state"
    equations = r"L_D = \\mathbb{E}[(f(x) - 1)^2], \\qquad L_G = \\mathbb{E}[(f(y) - 1)^2]"

    class Options(MethodOptions):
        target: float = Field(1.0, description="for real images")

    def build(self):
        G = nets.build_generator(self.nets, self.image)
        D = nets.build_discriminator(self.nets, self.image)
        self.state = {"mean": torch.zeros(())}
        return G, D

    def d_loss(self, D, real, fake):
        f_real, f_fake = D(*real).logits, D(*fake).logits
        loss = (f_real - self.options.target).square().mean() + f_fake.square().mean()
        self.state["mean"].lerp_(f_real.detach().mean(), 0.1)
        logs = {"d_real": f_real.detach().mean(), "d_fake": f_fake.detach().mean()}
        return loss, logs

    def g_loss(self, D, fake, real):
        loss = (D(*fake).logits - self.options.target).square().mean()
        return loss, {}

    def after_step(self):
        return {"mean": self.state["mean"].clone()}
"""
LOSS_D = "        loss = (f_real - self.options.target).square().mean() + f_fake.square().mean()\n"
LOSS_G = "        loss = (D(*fake).logits - self.options.target).square().mean()\n"
D_PLAIN = "nets.build_discriminator(self.nets, self.image"
OWN_G = "G = torch.nn.Sequential(nets.build_generator(self.nets, self.image))"
SOME_CALLS = """\
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls > 1:
            logs["more"] = loss.detach()
"""
RETURN_G = "        return loss, {}\n"
RETURN_D = "        return loss, logs\n"
BUILT = '        self.state = {"mean": torch.zeros(())}\n'
UPDATE = '        self.state["mean"].lerp_(f_real.detach().mean(), 0.1)\n'

PENALTY = """\
        from sngan_repro.methods import losses
        loss = loss + losses.gradient_penalty(D, real, fake)
"""
WRONG = """\
class Product(torch.autograd.Function):
    # Its second derivative drops the part of the weight.
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        return gradient @ weight.detach().t(), x.t() @ gradient


class WrongPenalty(torch.nn.Module):
    def __init__(self, image):
        super().__init__()
        self.weight = torch.nn.Parameter(0.1 * torch.randn(image.channels * image.size**2, 3))
        self.dense = torch.nn.Linear(3, 1)

    def forward(self, images, labels=None):
        hidden = torch.nn.functional.softplus(Product.apply(images.flatten(1), self.weight))
        return nets.DOutput(self.dense(hidden).squeeze(1).to(self.weight.dtype))


@METHODS"""

BROKEN: dict[str, tuple[dict[str, str], str, str]] = {
    # what is wrong: (text -> its replacement, what is found, a part of the line that is named)
    "G of a wrong size": (
        {"build_generator(self.nets, self.image)": "build_generator(self.nets, nets.ImageSpec(3, 16))"},
        "G differs from the generator that all methods share",
        "`build`",
    ),
    "a generator of one's own": (
        {"G = nets.build_generator(self.nets, self.image)": OWN_G},
        "G differs from the generator that all methods share",
        "`build`",
    ),
    "random numbers before G": (
        {"        G = nets": "        torch.randn(1)\n        G = nets"},
        "G differs from the generator that all methods share",
        "`build`",
    ),
    "no pair": ({"return G, D": "return G"}, "`build` returns a ConvGenerator", "`build`"),
    "a loss per image": (
        {LOSS_D: LOSS_D.replace(".mean() +", " +")},
        r"`d_loss` returns \(a tensor of the shape \(6,\) with gradient, a dict\) at 16 px, 1 channel",
        "`d_loss`",
    ),
    "a loss without logs": ({RETURN_G: "        return loss\n"}, "`g_loss` returns a tensor of the shape", "`g_loss`"),
    "one size only": (
        {LOSS_D: "        real.images.reshape(len(real.images), 256)\n" + LOSS_D},
        r"RuntimeError: shape '\[6, 256\]' is invalid",
        "real.images.reshape(len(real.images), 256)",
    ),
    "no d_real": ({'"d_real": f_real.detach().mean(), ': ""}, "`d_loss` does not log `d_real`", "`d_loss`"),
    "a log with a gradient": (
        {"f_fake.detach().mean()}": "f_fake.mean()}"},
        r"the log `d_fake` of `d_loss` is a tensor of the shape \(\) with gradient",
        "`d_loss`",
    ),
    "a log that is a number": (
        {"f_fake.detach().mean()}": "0.5}"},
        "the log `d_fake` of `d_loss` is a float",
        "`d_loss`",
    ),
    "a log of the loop": (
        {RETURN_G: '        return loss, {"g_loss": loss.detach()}\n'},
        "`g_loss` logs `g_loss`, as the loop does",
        "`g_loss`",
    ),
    "a log given twice": (
        {RETURN_G: '        return loss, {"mean": loss.detach()}\n'},
        "`after_step` logs `mean`, as g_loss does",
        "`after_step`",
    ),
    "logs that change": (
        {RETURN_D: SOME_CALLS + RETURN_D},
        "`d_loss` logs `more` at some calls only",
        "`d_loss`",
    ),
    "a loss that is not finite": (
        {LOSS_G: LOSS_G + "        loss = loss + (loss * 0).log()\n"},
        "the loss of `g_loss` is -inf on random images",
        "`g_loss`",
    ),
    "a gradient that is not finite": (
        {LOSS_G: LOSS_G + "        loss = loss + (fake.images * 0).sum().abs().sqrt()\n"},
        "`g_loss` gives no gradient, or one that is not finite, to",
        "`g_loss`",
    ),
    "a detached loss": (
        {LOSS_G: LOSS_G.replace("D(*fake).logits", "D(*fake).logits.detach()")},
        r"`g_loss` returns \(a tensor of the shape \(\) without gradient, a dict\)",
        "`g_loss`",
    ),
    "an unused parameter": (
        {BUILT: BUILT + "        D.unused = torch.nn.Linear(3, 3)\n"},
        "`d_loss` gives no gradient, or one that is not finite, to `unused.weight`, `unused.bias`",
        "`d_loss`",
    ),
    "a loss that moves nothing": (
        {LOSS_G: LOSS_G.replace(".mean()", ".mean() * 0")},
        "all gradients of `g_loss` are 0",
        "`g_loss`",
    ),
    "D changed in G's step": (
        {LOSS_G: "        with torch.no_grad():\n            next(iter(D.parameters())).mul_(0.9)\n" + LOSS_G},
        "`g_loss` changes, or sends gradients to, `.*weight` of D",
        "`g_loss`",
    ),
    "G trained in D's step": (
        {
            BUILT: BUILT + "        self.G = G\n",
            LOSS_D: LOSS_D + "        loss = loss + sum(p.square().sum() for p in self.G.parameters())\n",
        },
        "`d_loss` changes, or sends gradients to, .* of G",
        "`d_loss`",
    ),
    "one pass where batch norm sees both": (
        {
            "    class Options": "    batch_real_and_fake = True\n\n    class Options",
            D_PLAIN: D_PLAIN + ", norm=nets.batch_norm",
        },
        "with `batch_real_and_fake = True`, D's output depends on other images of the batch",
        "`build`",
    ),
    "one pass where D keeps a state": (
        {
            "    class Options": "    batch_real_and_fake = True\n\n    class Options",
            D_PLAIN: D_PLAIN + ', weights="spectral"',
        },
        "with `batch_real_and_fake = True`, D's output depends on other images of the batch, or on earlier ones",
        "`build`",
    ),
    "state replaced": (
        {UPDATE: '        self.state["mean"] = 0.9 * self.state["mean"] + 0.1 * f_real.detach().mean()\n'},
        r"`d_loss` adds, removes or replaces `self.state\['mean'\]`",
        "`d_loss`",
    ),
    "all state replaced": (
        {UPDATE: '        self.state = {"mean": f_real.detach().mean()}\n'},
        "`d_loss` replaces `self.state`",
        "`d_loss`",
    ),
    "state added": (
        {UPDATE: UPDATE + '        self.state["last"] = f_real.detach()\n'},
        r"`d_loss` adds, removes or replaces `self.state\['last'\]`",
        "`d_loss`",
    ),
    "state of numbers": (
        {BUILT: '        self.state = {"mean": 0.0}\n', UPDATE: "", 'self.state["mean"].clone()': "torch.zeros(())"},
        r"`self.state\['mean'\]` is a float",
        "`build`",
    ),
    "state outside": (
        {UPDATE: UPDATE + '        self.k = getattr(self, "k", 0.0) + 0.1\n'},
        "`d_loss` changes `k` of `self`",
        "`d_loss`",
    ),
    "state outside that matters": (
        {LOSS_D: '        self.k = getattr(self, "k", 0.0) + 0.1\n' + LOSS_D.replace("+ f_fake", "+ self.k * f_fake")},
        "`d_loss of step 3`, .* differ after a state was saved and loaded",
        "",
    ),
    "random numbers from elsewhere": (
        {LOSS_D: "        import random\n" + LOSS_D.replace("+ f_fake", "+ random.random() * f_fake")},
        "`d_loss of step 3`, .* differ after a state was saved and loaded",
        "",
    ),
    ".item()": (
        {LOSS_D: LOSS_D + "        loss = loss if loss.item() > 0 else -loss\n"},
        r"a value is read from a tensor \(Tensor.item\) in `d_loss`",
        "loss.item() > 0",
    ),
    "a tensor as a condition": (
        {LOSS_G: LOSS_G + "        if loss > 100:\n            loss = loss * 2\n"},
        r"a value is read from a tensor \(Tensor.__bool__\) in `g_loss`",
        "if loss > 100:",
    ),
    "a tensor moved to the CPU": (
        {"f_fake.detach().mean()}": "f_fake.detach().mean().cpu()}"},
        r"\(Tensor.cpu\) in `d_loss`",
        ".cpu()",
    ),
    "a tensor printed": ({LOSS_G: LOSS_G + '        f"{loss}"\n'}, r"\(Tensor.__format__\) in `g_loss`", '"{loss}"'),
    "a tensor made on the CPU": (
        {LOSS_D: LOSS_D.replace("f_fake.square()", "(f_fake - torch.zeros(len(fake.images))).square()")},
        "`d_loss` mixes tensors of the CPU and of the GPU",
        "torch.zeros(len(fake.images))",
    ),
    "a constant sent to the GPU": (
        {LOSS_D: LOSS_D.replace("f_fake.square()", "(f_fake - torch.tensor([0.0], device=f_fake.device)).square()")},
        r"a value of Python is copied to the device \(torch.tensor\)",
        "torch.tensor([0.0]",
    ),
    "values that are selected": (
        {LOSS_D: LOSS_D + "        loss = loss + f_real[f_real > -9].sum()\n"},
        "`d_loss` depends on values of tensors",
        "f_real[f_real > -9]",
    ),
    "a wrong gradient by D's weights": (
        {D_PLAIN: "WrongPenalty(self.image) if True else " + D_PLAIN, LOSS_D: LOSS_D + PENALTY, "@METHODS": WRONG},
        "the derivative of `d_loss` by `weight` of D is .*, its gradient gives",
        "`d_loss`",
    ),
    "a detached part of D's loss": (
        {LOSS_D: LOSS_D.replace("f_fake.square()", "(f_fake.detach() * f_fake)")},
        "the derivative of `d_loss` by .* of D is .*, its gradient gives",
        "`d_loss`",
    ),
    "symbols without a meaning": (
        {"(f(x) - 1)^2": r"(f(x) - b)^2 + \kappa"},
        "no meaning of `b`, `kappa` in `symbols`",
        "",
    ),
    "equations with a mistake": (
        {r"L_D = \mathbb{E}[": r"L_D = \frac{E["},
        "cannot be set: pandoc does not read it",
        "",
    ),
}


@pytest.fixture
def register(tmp_path: Path, own_plugins):
    """Writes a method's file with changes and registers it; returns (its name, the file)."""

    def write(changes: dict[str, str]) -> tuple[str, Path]:
        text, file = TEMPLATE.replace("NAME", "tried"), tmp_path / "tried.py"
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file.write_text(text)
        plugins.load(file)
        return "tried", file

    return write


FAST = ("bn", "began", "wgan_gp")
"""Methods of different kinds, which the fast tests check too."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in METHODS.names()]
)
def test_every_method_passes(name: str):
    """At two sizes; networks of other sizes are tested in tests/nets."""
    findings = check_method(name, sizes=[(16, 1), (28, 3)])
    assert [finding.state for finding in findings] == ["passed"] * len(CHECKS), "\n".join(map(str, findings))


NEEDED = {"weights_gain": {"weights": "spectral"}, "gain": {"norm": "layer"}, "clip_what": {"clip": 0.1}}
"""Options without which another one has no effect."""


def words_of(annotation: Any) -> list[Any]:
    """The values of a type that has a few: bool, Literal, and either of them or None."""
    if annotation is bool:
        return [True, False]
    inner = [value for part in get_args(annotation) for value in (get_args(part) or [part])]
    return [value for value in inner if isinstance(value, bool | str)]


def alternatives() -> list[tuple[str, str, Any]]:
    """(method, option, value) for every option that is true or false, or one of a few words.

    Presets of `gan` have its options. These are tried with `gan` alone; the presets themselves are tried above.
    """
    of_gan = METHODS.get("gan").Options.model_fields
    return [
        (name, option, value)
        for name in METHODS.names()
        for option, field in METHODS.get(name).Options.model_fields.items()
        if name == "gan" or option not in of_gan
        for value in words_of(field.annotation)
        if value != field.default
    ]


def test_alternatives_are_found():
    found = alternatives()
    assert {("gan", "weights", "frobenius"), ("gan", "penalty", "r1"), ("gan", "gain", True)} <= set(found)
    assert ("ebgan", "energy", "l2") in found
    assert {name for name, _, _ in found} > {"gan", "sngan_with_faults", "wgan_gp_with_faults", "ebgan_with_faults"}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "option", "value"), alternatives())
def test_every_method_passes_with_every_option(name: str, option: str, value: Any):
    options = {**NEEDED.get(option, {}), option: value}
    failed = [str(finding) for finding in check_method(name, options, [(16, 1)]) if finding.failed]
    assert not failed, "\n".join(failed)


def test_options_and_sizes_are_those_given(register):
    broken = "        loss = loss / (real.images.shape[1] - 3) / (self.options.target - 2)\n"
    name, _ = register({LOSS_D: LOSS_D + broken})
    assert not [finding for finding in check_method(name, sizes=[(16, 1)]) if finding.failed]
    assert "is -inf on random images at 32 px, 3 channels" in check_method(name)[1].found
    assert check_method(name, {"target": 2.0}, [(16, 1)])[1].failed
    with pytest.raises(ConfigError, match="tried: targt: unknown key; did you mean 'target'"):
        check_method(name, {"targt": 1})


@pytest.mark.parametrize("case", BROKEN)
def test_broken_methods_are_found(case: str, register):
    changes, found, line = BROKEN[case]
    name, file = register(changes)
    failed = []
    for finding in findings(Case.of(name, {}, SIZES, "cpu", {})):  # up to the one that is looked for
        failed += [finding] if finding.failed else []
        if finding.failed and re.search(found, finding.found):
            break
    else:
        pytest.fail("\n".join(map(str, failed)) or "nothing failed")
    assert finding.needed, str(finding)
    if line:
        assert line in finding.where, str(finding)
        number = int(re.search(r"line (\d+)", finding.where)[1])
        text = file.read_text().splitlines()[number - 1]
        assert (f"def {line.strip('`')}(" if line.startswith("`") else line) in text


def test_a_sound_method_passes_with_state_and_options(register):
    name, _ = register({})
    for options in ({}, {"target": 0.5}):
        findings = check_method(name, options)
        assert not [finding for finding in findings if finding.state != "passed"], "\n".join(map(str, findings))


def test_what_a_broken_build_leaves_untried(register):
    name, _ = register({"return G, D": "return G"})
    *_, last = check_method(name)
    assert last.state == "not tried"
    assert last.found == f"{len(CHECKS) - 1} further checks wait for this one"


def test_the_command_says_what_is_to_be_mended(register, capsys):
    _, file = register({'"d_real": f_real.detach().mean(), ': ""})
    with pytest.raises(SystemExit) as stopped:
        main(["check-method", str(file), "--device", "cpu"])
    assert stopped.value.code == 1
    printed = capsys.readouterr().out
    assert "    found:  `d_loss` does not log `d_real` at 16 px, 1 channel\n" in printed
    assert "    needed: both:" in printed
    assert printed.endswith("to mend\n")
    assert "an update takes" not in printed


@pytest.mark.slow
def test_the_command_for_a_sound_method(register, capsys, monkeypatch):
    register({})
    monkeypatch.setattr("sngan_repro.extend.check_method.command.ROUND_SECONDS", 0.001)
    main(["check-method", "tried", "--option", "target=0.5", "--device", "cpu", "--sizes", "16x1"])
    printed = capsys.readouterr().out
    assert f"all {len(CHECKS)} checks passed" in printed
    assert re.search(r"an update takes [\d.e+]+ ms, [\d.]+ times SNGAN's [\d.e+]+ ms \(32 px", printed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tride"], "unknown method 'tride'; did you mean 'tried'?"),
        (["tried", "--option", "target"], "--option: KEY=VALUE is needed"),
        (["tried", "--option", "target=high"], "tried: target: Input should be a valid number"),
        (["tried", "--setting", "n_diss=5"], "tried: setting: n_diss: unknown key; did you mean 'n_dis'?"),
        (["tried", "--sizes", "31x1"], "31x1 is not PIXELSxCHANNELS"),
        (["absent.py"], "absent.py: no such file"),
    ],
)
def test_mistakes_on_the_command_line(arguments, message, register, capsys):
    register({})
    with pytest.raises(SystemExit) as stopped:
        main(["check-method", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_file_without_methods(tmp_path: Path, own_plugins, capsys):
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(SystemExit):
        main(["check-method", str(tmp_path / "empty.py")])
    assert "no method in it" in capsys.readouterr().err


@pytest.mark.slow
def test_reading_values_is_found_also_where_a_penalty_needs_derivatives(register):
    """A gradient penalty cannot run on a GPU that is not there; it is then tried on the CPU."""
    penalty = "        loss = loss + losses.gradient_penalty(D, real, fake)\n"
    penalty = "        from sngan_repro.methods import losses\n" + penalty
    name, _ = register({LOSS_D: LOSS_D + penalty})
    assert not [finding for finding in check_method(name) if finding.failed]
    (_, file) = register({LOSS_D: LOSS_D + penalty + "        float(loss.detach())\n"})
    plugins.load(file)
    (failed,) = [finding for finding in check_method(name) if finding.failed]
    assert failed.found == "a value is read from a tensor (Tensor.__float__) in `d_loss`"
    assert failed.where.endswith(": float(loss.detach())")


@pytest.mark.slow
def test_random_state_is_left_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check_method("sngan", sizes=[(16, 1)])
    assert torch.equal(torch.rand(3), expected)
