"""Tests that need a GPU: graphs give the numbers of eager updates, and runs together those of each alone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from conditional import conditional_family

from sngan_repro.data.dataset import PreparedData
from sngan_repro.methods import METHODS as REGISTRY
from sngan_repro.training.measures import Measures
from sngan_repro.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
METHODS = ["sngan", "wgan_gp", "began", "ebgan", "bn", "ln"]
UPDATES = 12


@pytest.fixture(autouse=True)
def deterministic(monkeypatch: pytest.MonkeyPatch):
    """cuDNN without algorithms that add in any order, or that are chosen by a race."""
    from sngan_repro.core import runtime

    monkeypatch.setattr(runtime, "set_precision", lambda precision, device: None)
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


def make(tiny_run, tiny_images: Path, graph: bool = True, **changes) -> Trainer:
    spec = tiny_run(
        training={"ema": 0.9, "lr_decay_from": 0.25}, optimizer={"n_dis": 2}, nets={"width": 8, "z_dim": 16}, **changes
    )
    return Trainer(spec, PreparedData.open(tiny_images).images("train"), torch.device("cuda"), graph)


def numbers(trainer: Trainer, updates: int = UPDATES) -> list[list[float]]:
    return [[value.item() for value in trainer.step().values()] for _ in range(updates)]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", METHODS)
def test_a_graph_makes_the_same_numbers(name: str, precision: str, tiny_run, tiny_images: Path):
    changes = {"method": {"name": name, "options": {}}}
    graph, plain = (make(tiny_run, tiny_images, graph, **changes) for graph in (True, False))
    for trainer in (graph, plain):
        trainer.spec.training.__dict__["precision"] = precision
    assert numbers(graph) == numbers(plain)
    assert (graph.graphed_step.mode, plain.graphed_step.mode) == ("CUDA graph", "eager")
    assert graph.graphed_step.reason == ""


@pytest.mark.parametrize("name", METHODS)
def test_resuming_goes_on_with_the_same_numbers(name: str, tiny_run, tiny_images: Path):
    changes = {"method": {"name": name, "options": {}}}
    whole, first, second = (make(tiny_run, tiny_images, **changes) for _ in range(3))
    wanted = numbers(whole, 2 * UPDATES)
    found = numbers(first)
    second.load(first.state())
    assert found + numbers(second) == wanted


@pytest.mark.parametrize("name", METHODS)
def test_measurements_between_updates_change_no_number(name: str, tiny_run, tiny_images: Path):
    data = PreparedData.open(tiny_images)
    watched, plain = (make(tiny_run, tiny_images, method={"name": name, "options": {}}) for _ in range(2))
    watched.spec.training.__dict__ |= {"spectral_every": 2, "critic_loss_images": 20}
    measures, found = Measures(watched, data), []
    for _ in range(UPDATES):
        measures.before()
        found.append([value.item() for value in watched.step().values()])
        measures.after()
    assert found == numbers(plain)
    assert watched.graphed_step.mode == "CUDA graph"


def test_runs_together_make_what_each_makes_alone(tiny_run, tiny_images: Path):
    specs = [{"method": {"name": name, "options": {}}, "seed": seed} for seed, name in enumerate(METHODS)]
    alone = [numbers(make(tiny_run, tiny_images, **changes)) for changes in specs]
    together: dict[int, list[list[float]]] = {}

    def work(index: int) -> None:
        together[index] = numbers(make(tiny_run, tiny_images, **specs[index]))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(specs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[index] for index in range(len(specs))] == alone


def test_a_method_that_reads_the_device_runs_eagerly(tiny_run, tiny_images: Path, monkeypatch):
    """The training goes on with the same numbers, and says why it is slow."""
    wanted = numbers(make(tiny_run, tiny_images))
    trainer = make(tiny_run, tiny_images)
    g_loss = trainer.method.g_loss

    def reading(D, fake, real):
        loss, logs = g_loss(D, fake, real)
        return loss * (1 if loss.item() < 1e30 else 2), logs

    monkeypatch.setattr(trainer.method, "g_loss", reading)
    assert numbers(trainer) == wanted
    assert trainer.graphed_step.mode == "eager"
    assert "no CUDA graph" in trainer.graphed_step.reason


def test_a_state_that_is_replaced_runs_eagerly(tiny_run, tiny_images: Path, monkeypatch):
    changes = {"method": {"name": "began", "options": {"lambda_k": 0.1}}}
    wanted = numbers(make(tiny_run, tiny_images, **changes))
    trainer = make(tiny_run, tiny_images, **changes)
    after_step = trainer.method.after_step

    def replacing():
        logs = after_step()
        trainer.method.state["k"] = trainer.method.state["k"] * 1
        return logs

    monkeypatch.setattr(trainer.method, "after_step", replacing)
    assert numbers(trainer) == wanted
    assert "state k: replaced" in trainer.graphed_step.reason


def test_a_method_that_says_so_runs_eagerly(tiny_run, tiny_images: Path, monkeypatch):
    changes = {"method": {"name": "gan", "options": {}}}
    wanted = numbers(make(tiny_run, tiny_images, **changes))
    monkeypatch.setattr(REGISTRY.get("gan"), "cuda_graph", False)
    trainer = make(tiny_run, tiny_images, **changes)
    assert numbers(trainer) == wanted
    assert trainer.graphed_step.mode == "eager"
    assert trainer.graphed_step.reason == "no CUDA graph: the method 'gan' has `cuda_graph = False`"


@pytest.mark.parametrize(
    "options",
    [
        {"weights": "frobenius", "penalty": "orthonormal", "clip": 0.1},
        {"weights": "weight", "penalty": "r1"},
        {"weights": "spectral", "power_iterations": 2, "penalty": "gradient", "clip": 0.1, "clip_what": "conv"},
    ],
)
def test_every_option_of_gan_is_captured(options: dict, tiny_run, tiny_images: Path):
    method = {"name": "gan", "options": options}
    graph, eager = (make(tiny_run, tiny_images, graph, method=method) for graph in (True, False))
    assert numbers(graph) == numbers(eager)
    assert graph.graphed_step.mode == "CUDA graph", graph.graphed_step.reason


def test_labels_are_drawn_in_the_graph(tiny_run, tiny_images: Path):
    data = PreparedData.open(tiny_images)
    found = []
    with conditional_family():
        for graph in (True, False):
            spec = tiny_run(nets={"family": "conditional", "conditional": True})
            given = (spec, data.images("train"), torch.device("cuda"), graph)
            trainer = Trainer(*given, labels=data.labels("train"))
            found.append(numbers(trainer))
            assert trainer.graphed_step.mode == ("CUDA graph" if graph else "eager")
    assert found[0] == found[1]


@pytest.mark.parametrize("graph", [True, False])
def test_streamed_images_give_the_same_numbers(graph: bool, tiny_run, tiny_images: Path):
    images = PreparedData.open(tiny_images).images("train")
    spec = tiny_run(optimizer={"n_dis": 2})
    resident, streamed = (Trainer(spec, images, torch.device("cuda"), graph, streamed=kind) for kind in (False, True))
    assert numbers(resident) == numbers(streamed)
