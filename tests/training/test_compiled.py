"""Compiled networks: the numbers of the eager ones up to rounding, and a way back where compiling fails."""

from __future__ import annotations

import io
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import read_json
from sngan_repro.data.dataset import PreparedData
from sngan_repro.methods import METHODS
from sngan_repro.training import compiled
from sngan_repro.training.compiled import FROM_UPDATES, why_not
from sngan_repro.training.job import train
from sngan_repro.training.options import CompileMode, TrainOptions
from sngan_repro.training.trainer import Trainer

CPU, GPU = torch.device("cpu"), torch.device("cuda")
UPDATES = 3


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch):
    """Networks are traced and run as the compiler sees them, without the minutes in which it makes code."""
    monkeypatch.setattr(compiled, "BACKEND", "aot_eager")


def make(tiny_run, tiny_images: Path, mode: CompileMode, **changes) -> Trainer:
    spec = tiny_run(**{"nets": {"width": 2, "z_dim": 4}, **changes})
    return Trainer(spec, PreparedData.open(tiny_images).images("train"), CPU, compile=mode)


def numbers(trainer: Trainer) -> list[list[float]]:
    return [[value.item() for value in trainer.step().values()] for _ in range(UPDATES)]


def assert_same_state(a: Trainer, b: Trainer, **tolerances: float) -> None:
    """Weights, running statistics, singular vectors, moments of Adam and random numbers."""
    for kind in ("G", "D", "G_ema"):
        for name, value in a.state()[kind].items():
            torch.testing.assert_close(b.state()[kind][name], value, **tolerances)
    torch.testing.assert_close(b.state()["opt_d"], a.state()["opt_d"], **tolerances)
    assert torch.equal(a.state()["random"]["cpu"], b.state()["random"]["cpu"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("sngan", {"training": {"ema": 0.9}, "optimizer": {"n_dis": 2}}),  # power iterations, two steps of D
        ("began", {"training": {"precision": "bf16"}}),  # autocast, the method's own state
    ],
)
def test_compiled_networks_make_the_numbers_of_the_eager_ones(name: str, changes: dict, tiny_run, tiny_images: Path):
    given = {"method": {"name": name, "options": {}}, **changes}
    eager, fast = (make(tiny_run, tiny_images, mode, **given) for mode in ("never", "always"))
    found, wanted = numbers(fast), numbers(eager)
    assert (fast.mode, fast.reasons, eager.mode) == ("compiled eager", [], "eager")
    assert found == [pytest.approx(row, rel=1e-5, abs=1e-6) for row in wanted]
    assert_same_state(eager, fast, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "nets"),
    [
        (16, {"family": "cnn", "conditional": True}),
        (32, {"family": "resnet", "conditional": True}),
        (32, {"family": "dcgan"}),
        (28, {"family": "mnist_tutorial"}),
    ],
)
def test_networks_are_compiled_as_a_whole(size: int, nets: dict, tiny_run, monkeypatch):
    """Their Python code is traced without a break."""
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    images = np.random.default_rng(0).integers(0, 256, (20, size, size, 1), dtype=np.uint8)
    spec = tiny_run(nets={"width": 2, "z_dim": 4, **nets}, training={"precision": "bf16", "batch_size": 4})
    trainer = Trainer(spec, images, CPU, labels=np.arange(20) % 3, compile="always")
    trainer.step()
    assert (trainer.mode, trainer.reasons) == ("compiled eager", [])


@pytest.mark.slow
def test_runs_in_one_process_share_compiled_code(tiny_run, tiny_images: Path, monkeypatch):
    """Runs of several sizes have more variants than PyTorch's limit, and none of them is left without compiling."""
    graphs, found = [], []

    def backend(module, inputs):
        graphs.append(module)
        return module.forward

    monkeypatch.setattr(compiled, "BACKEND", backend)
    for width, seed in [(2, 0), (2, 1), (3, 0), (5, 0)]:
        trainer = make(tiny_run, tiny_images, "always", nets={"width": width, "z_dim": 4}, seed=seed)
        trainer.step()
        assert (trainer.mode, trainer.reasons) == ("compiled eager", [])
        found.append(len(graphs))
    assert found[1] == found[0]
    assert all(later > earlier for earlier, later in pairwise(found[1:]))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_code_of_the_compiler_makes_the_numbers_of_eager_networks(tiny_run, tiny_images: Path, monkeypatch):
    monkeypatch.setattr(compiled, "BACKEND", "inductor")
    eager, fast = (make(tiny_run, tiny_images, mode) for mode in ("never", "always"))
    found, wanted = numbers(fast), numbers(eager)
    assert (fast.mode, fast.reasons) == ("compiled eager", [])
    assert found[0] == pytest.approx(wanted[0], rel=1e-5, abs=1e-6)
    assert found == [pytest.approx(row, rel=1e-3, abs=1e-5) for row in wanted]  # rounding errors grow


@pytest.mark.parametrize("name", ["wgan_gp", "r1", "dragan"])
def test_methods_with_second_derivatives_are_not_compiled(name: str, tiny_run, tiny_images: Path):
    trainer = make(tiny_run, tiny_images, "always", method={"name": name, "options": {}})
    assert trainer.mode == "eager"
    assert trainer.reasons == [f"G and D are not compiled: the method '{name}' has `torch_compile = False`"]


@pytest.mark.slow
def test_an_error_in_mid_update_ends_compiling_only(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    """A method that has second derivatives and does not say so: the run is that of eager networks to the bit."""
    monkeypatch.setattr(METHODS.get("wgan_gp"), "torch_compile", property(lambda self: True, lambda self, value: None))
    spec = tiny_run(method={"name": "wgan_gp", "options": {}}, training={"ema": 0.9})
    runs, printed = {mode: RunPaths(tmp_path / mode) for mode in ("never", "always")}, io.StringIO()
    for mode, run in runs.items():
        train(spec, run, tiny_images, CPU, TrainOptions(tensorboard=False, compile=mode), out=printed)
    assert runs["always"].snapshot(24).read_bytes() == runs["never"].snapshot(24).read_bytes()
    assert read_json(runs["always"].status)["updates_by_mode"] == {"eager": 24}
    assert printed.getvalue().count("G and D are not compiled: RuntimeError: ") == 1
    assert "does not currently support double backward" in printed.getvalue()


@pytest.mark.parametrize("failing", [1, 2, 4])
def test_an_error_in_one_of_the_first_updates(failing: int, tiny_run, tiny_images: Path, monkeypatch):
    """A stand-in for the compiler, which fails in an update. Everything is as if it had not been tried."""
    calls = 0

    def compile_nothing(net, **options):
        def forward(*given):
            nonlocal calls
            calls += 1
            if calls == 4 * failing:  # of five passes in each update
                raise RuntimeError("the compiler failed\nat length")
            return net(*given)

        return forward

    monkeypatch.setattr(torch, "compile", compile_nothing)
    eager, fast = (make(tiny_run, tiny_images, mode) for mode in ("never", "always"))
    wanted = [numbers(eager) for _ in range(2)]
    assert [numbers(fast) for _ in range(2)] == wanted
    assert (fast.mode, fast.reasons) == ("eager", ["G and D are not compiled: RuntimeError: the compiler failed"])
    assert_same_state(eager, fast, rtol=0, atol=0)
    assert fast.batches.position == eager.batches.position
    assert calls == 4 * failing


def test_a_graph_that_cannot_be_captured_is_tried_without_compiling(tiny_run, tiny_images: Path, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda net, **options: net)
    eager, fast = (make(tiny_run, tiny_images, mode) for mode in ("never", "always"))
    wanted = [numbers(eager) for _ in range(2)]
    step, advance, restarted = fast.graphed_step, fast.batches.load, []

    def capture_fails():
        advance()
        if fast.steps == 3 and fast.networks.is_compiled:
            step.reason = "no CUDA graph: an operation is not permitted"

    monkeypatch.setattr(fast.batches, "load", capture_fails)
    monkeypatch.setattr(step, "restart", lambda restart=step.restart: (restart(), restarted.append(fast.steps)))
    assert [numbers(fast) for _ in range(2)] == wanted
    assert restarted == [4]
    assert fast.reasons == ["G and D are not compiled: RuntimeError: no CUDA graph: an operation is not permitted"]


class TestWhen:
    """``compile: auto | always | never``."""

    @pytest.fixture(autouse=True)
    def machine(self, monkeypatch: pytest.MonkeyPatch):
        """With a C compiler and triton."""
        monkeypatch.delenv("CC", raising=False)
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == "gcc" else None)
        monkeypatch.setattr(compiled.importlib.util, "find_spec", lambda name: name)

    def test_long_runs_on_a_gpu(self):
        assert why_not("auto", GPU, FROM_UPDATES) is None
        assert why_not("auto", GPU, FROM_UPDATES - 1) == ""
        assert why_not("always", GPU, 1) is None
        assert why_not("never", GPU, 10**9) == ""

    def test_a_cpu_only_if_one_says_so(self):
        assert why_not("auto", CPU, 10**9) == ""
        assert why_not("always", CPU, 1) is None

    def test_without_a_compiler(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(shutil, "which", lambda name: None)
        assert why_not("auto", GPU, FROM_UPDATES) == "no C compiler (gcc or clang) was found"
        assert why_not("auto", GPU, FROM_UPDATES - 1) == ""
        monkeypatch.setenv("CC", "/opt/cc")
        monkeypatch.setattr(shutil, "which", lambda name: name if name == "/opt/cc" else None)
        assert why_not("auto", GPU, FROM_UPDATES) is None

    def test_without_triton(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(compiled.importlib.util, "find_spec", lambda name: None)
        assert why_not("auto", GPU, FROM_UPDATES) == "the package triton was not found"
        assert why_not("always", CPU, FROM_UPDATES) is None
