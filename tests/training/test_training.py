"""The loop and its files: resume bit for bit, divergence, locks, logs."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from processes import train_in_process
from safetensors import safe_open

from sngan_repro import __version__
from sngan_repro.config.records import read_json_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import read_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData
from sngan_repro.nets.interface import Batch
from sngan_repro.training import files as files_module
from sngan_repro.training.checkpoint import load_state, run_lock, state_path
from sngan_repro.training.cuda_graph import GraphedStep
from sngan_repro.training.job import INTERRUPTED, train
from sngan_repro.training.optimizer import Adam, learning_rates
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.trainer import Trainer

CPU = torch.device("cpu")
KINDS_OF_STATE = ["bn", "began", "sn_wgan_gp", "sv_clipping", "wgan"]
"""Running statistics, the method's own state, singular vectors and random numbers of the loss, weights that are changed
after D's step, RMSProp. Each method resumes to the bit in tests/extend/test_check_method.py."""
METHODS = ["sngan", "wgan_gp", "began", "ebgan", "bn", "ln", "sn_wgan_gp", "sv_clipping", "spectral_penalty", "dragan"]


def run_to_end(spec: RunSpec, folder: Path, images: Path, **options: Any) -> RunPaths:
    run = RunPaths(folder)
    train(spec, run, images, CPU, TrainOptions(tensorboard=False, **options))
    return run


def interrupted_at(
    spec: RunSpec, run: RunPaths, images: Path, steps: int, monkeypatch, number: int = signal.SIGTERM, **options: Any
) -> None:
    """Train until update ``steps``, then get a signal, by default the one Slurm sends before a time limit."""
    step = Trainer.advance

    def counted(self):
        logs = step(self)
        if self.steps == steps:
            signal.raise_signal(number)
        return logs

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", counted)
        with pytest.raises(SystemExit) as stopped:
            train(spec, run, images, CPU, TrainOptions(tensorboard=False, **options))
    assert stopped.value.code == INTERRUPTED
    assert state_path(run).exists()


def train_images(folder: Path) -> np.ndarray:
    return PreparedData.open(folder).images("train")


def snapshots(run: RunPaths) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((run.root / "snapshots").iterdir())}


def log(run: RunPaths) -> pd.DataFrame:
    return pd.read_parquet(run.log).drop(columns="images_per_second")


def assert_same_run(a: RunPaths, b: RunPaths) -> None:
    assert snapshots(a) == snapshots(b)
    pd.testing.assert_frame_equal(log(a), log(b), check_exact=True)
    for name in ("final.npy", "progress.npy"):
        assert np.array_equal(np.load(a.samples / name), np.load(b.samples / name))


@pytest.fixture(scope="module")
def undisturbed(tiny_run, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """Read only. The run of ``tiny_run()``, trained without an interruption."""
    return run_to_end(tiny_run(), tmp_path_factory.mktemp("undisturbed"), tiny_images)


@pytest.fixture(scope="module")
def after_update_9(tiny_run, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """Read only. The same run, interrupted after update 9."""
    run = RunPaths(tmp_path_factory.mktemp("after_update_9"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        interrupted_at(tiny_run(), run, tiny_images, 9, monkeypatch)
    return run


@pytest.fixture
def interrupted(after_update_9: RunPaths, tmp_path: Path) -> RunPaths:
    """A copy to change and to train on."""
    return RunPaths(Path(shutil.copytree(after_update_9.root, tmp_path / "run")))


@pytest.mark.parametrize("name", KINDS_OF_STATE)
def test_interrupted_equals_undisturbed(name: str, tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    """n steps, a signal, m steps are the same bytes as n + m steps, with everything that has a state switched on."""
    rmsprop = {"optimizer": "rmsprop", "beta1": None, "beta2": None} if name == "wgan" else {}
    spec = tiny_run(
        method={"name": name, "options": {}},
        optimizer={"n_dis": 2, **rmsprop},
        training={"ema": 0.9, "lr_decay_from": 0.5},
        budget={"steps": 12},
        snapshots={"steps": [4, 12]},
    )
    whole = run_to_end(spec, tmp_path / "whole", tiny_images)
    parts = RunPaths(tmp_path / "parts")
    interrupted_at(spec, parts, tiny_images, 5, monkeypatch)
    interrupted_at(spec, parts, tiny_images, 10, monkeypatch, number=signal.SIGINT)
    run_to_end(spec, parts.root, tiny_images)
    assert_same_run(whole, parts)
    assert read_json(parts.status)["resumed"] == 2
    assert not state_path(parts).exists()


@pytest.mark.slow
def test_streamed_images_give_the_same_run(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    """The images of one update are on the device at a time, and every file of the run has the same bytes."""
    spec = tiny_run(optimizer={"n_dis": 2})
    whole = run_to_end(spec, tmp_path / "whole", tiny_images)
    streamed = RunPaths(tmp_path / "streamed")
    interrupted_at(spec, streamed, tiny_images, 9, monkeypatch, stream_images=True)
    train(spec, streamed, tiny_images, CPU, TrainOptions(tensorboard=False, stream_images=True))
    assert_same_run(whole, streamed)


def test_the_status_counts_the_updates_of_all_jobs(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    """A run whose updates were launched as a graph stays such a run if another job makes the last updates eagerly."""
    spec, run, start = tiny_run(), RunPaths(tmp_path / "run"), GraphedStep.__init__

    def as_on_a_gpu(self, *given):
        start(self, *given)
        self.mode = "CUDA graph"

    with monkeypatch.context() as patch:
        patch.setattr(GraphedStep, "__init__", as_on_a_gpu)
        interrupted_at(spec, run, tiny_images, 20, monkeypatch)
    run_to_end(spec, run.root, tiny_images)
    status = read_json(run.status)
    assert status["updates_by_mode"] == {"CUDA graph": 20, "eager": spec.budget.steps - 20}
    assert status["updates_run_as"] == "CUDA graph"


@pytest.mark.slow
def test_kill_9_loses_nothing_but_time(tiny_run, tiny_images: Path, tmp_path: Path):
    """SIGKILL in mid-training, three times, then to the end: the same bytes as an undisturbed run."""
    spec = tiny_run(budget={"steps": 120}, snapshots={"steps": [40, 80, 120]}, training={"log_every": 10})
    whole = run_to_end(spec, tmp_path / "whole", tiny_images)
    parts = RunPaths(tmp_path / "parts")
    context = multiprocessing.get_context("forkserver")  # torch is imported once for the three processes
    context.set_forkserver_preload(["sngan_repro.training.job"])
    killed = 0
    for goal in (15, 45, 80):
        process = context.Process(target=train_in_process, args=(spec.to_json(), str(parts.root), str(tiny_images)))
        process.start()
        while process.is_alive() and saved_steps(parts) < goal:
            process.join(0.01)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.join()
        assert not parts.status.exists()
    assert killed == 3
    run_to_end(spec, parts.root, tiny_images)
    assert_same_run(whole, parts)
    assert read_json(parts.status)["resumed"] >= 3


def saved_steps(run: RunPaths) -> int:
    try:
        return torch.load(state_path(run), weights_only=True)["steps"]
    except FileNotFoundError:
        return 0


def test_files_of_a_run(tiny_run, tiny_images: Path, tmp_path: Path):
    spec = tiny_run()
    run = RunPaths(tmp_path)
    status = train(spec, run, tiny_images, CPU)
    assert status == read_json_record(run.status, "")
    assert status["state"] == "ok"
    assert status["spec_digest"] == spec.digest()
    assert RunSpec.model_validate(read_json(run.spec)) == spec
    assert [entry["steps"] for entry in status["snapshots"]] == [7, 24]
    assert status["images_seen"] == 24 * 8
    assert status["steps_per_epoch"] == 50 / 8
    frame = pd.read_parquet(run.log)
    assert frame["step"].tolist() == list(range(1, 25))
    assert frame[["d_loss", "g_loss", "d_real", "d_fake", "grad_norm_d", "images_per_second"]].notna().all().all()
    spectral = frame.filter(like="spectral/")
    assert spectral.notna().all(axis=1).to_numpy().nonzero()[0].tolist() == [5, 11, 17, 23]
    assert np.load(run.samples / "final.npy").shape == (64, 16, 16, 1)
    assert np.load(run.samples / "progress.npy").shape == (2, 16, 16, 16, 1)
    assert {file.name for file in run.samples.glob("*.png")} == {"00000007.png", "00000024.png"}
    assert list(run.tensorboard.iterdir())
    with safe_open(run.snapshot(24), "pt") as snapshot:
        record = json.loads(snapshot.metadata()["sngan-repro"])
    assert record["spec"] == spec.to_dict()
    assert record["steps"] == 24


def test_divergence_is_a_result(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    """A learning rate that explodes: the state is recorded, the last finite snapshot kept, nothing raised."""
    spec = tiny_run(
        method={"name": "wgan_gp", "options": {}},
        optimizer={"lr": 1e18},
        training={"log_every": 2},
        snapshots={"steps": [20, 24]},
    )
    run = run_to_end(spec, tmp_path / "a", tiny_images)
    status = read_json(run.status)
    assert status["state"] == "diverged"
    assert 1 <= status["diverged_at"] <= 6
    assert status["steps_done"] == status["diverged_at"]
    assert "non-finite" in status["reason"]
    (kept,) = status["snapshots"]
    assert kept["last_finite"]
    assert kept["steps"] < status["diverged_at"] or status["reason"] == "non-finite weights"
    with safe_open(run.snapshot(kept["steps"]), "pt") as snapshot:
        assert all(snapshot.get_tensor(name).isfinite().all() for name in snapshot.keys())  # noqa: SIM118
    assert len(pd.read_parquet(run.log)) == status["diverged_at"]
    other = RunPaths(tmp_path / "b")
    interrupted_at(spec, other, tiny_images, 1, monkeypatch)
    run_to_end(spec, other.root, tiny_images)
    assert_same_run(run, other)


def poison_after(steps: int, monkeypatch) -> None:
    """Make D's output NaN from update ``steps`` + 1 on."""
    step = Trainer.advance

    def poisoned(self):
        if self.steps == steps:
            with torch.no_grad():
                self.D.dense.bias.fill_(float("nan"))
        return step(self)

    monkeypatch.setattr(Trainer, "advance", poisoned)


@pytest.mark.parametrize(
    ("snapshot_steps", "expected"),
    [
        ([7, 24], [(7, False), (10, True)]),  # the copy of update 10 is newer than the snapshot
        ([7, 12, 24], [(7, False), (12, True)]),  # the snapshot is newer than the copy of update 10
        ([10, 24], [(10, True)]),
    ],
)
def test_divergence_at_update_13(snapshot_steps, expected, tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    """Rows up to 13; the newest finite G is kept, and the list of snapshots rises whatever the period of the log."""
    poison_after(12, monkeypatch)
    run = run_to_end(tiny_run(snapshots={"steps": snapshot_steps}), tmp_path, tiny_images)
    status = read_json(run.status)
    assert (status["state"], status["diverged_at"], status["reason"]) == ("diverged", 13, "non-finite d_loss")
    assert [(entry["steps"], entry["last_finite"]) for entry in status["snapshots"]] == expected
    assert len(log(run)) == 13


def test_an_interruption_does_not_move_a_divergence(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    poison_after(12, monkeypatch)
    whole = run_to_end(tiny_run(), tmp_path / "whole", tiny_images)
    parts = RunPaths(tmp_path / "parts")
    interrupted_at(tiny_run(), parts, tiny_images, 13, monkeypatch)
    run_to_end(tiny_run(), parts.root, tiny_images)
    assert_same_run(whole, parts)
    keys = ("diverged_at", "reason", "snapshots")
    assert [read_json(whole.status)[key] for key in keys] == [read_json(parts.status)[key] for key in keys]


def test_non_finite_weights_alone_are_a_divergence(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    """A running statistic that overflows does not show in the losses of training mode."""
    step = Trainer.advance

    def overflowing(self):
        logs = step(self)
        if self.steps == 12:
            self.G.stages[1].running_var.fill_(float("inf"))
        return logs

    monkeypatch.setattr(Trainer, "advance", overflowing)
    status = read_json(run_to_end(tiny_run(), tmp_path, tiny_images).status)
    assert (status["diverged_at"], status["reason"]) == (15, "non-finite weights")
    assert [(entry["steps"], entry["last_finite"]) for entry in status["snapshots"]] == [(7, False), (10, True)]


@pytest.mark.parametrize("rate", [1e17, 3e17])
def test_non_finite_pixels_of_finite_weights_end_the_run(rate, tiny_run, tiny_images: Path, tmp_path: Path):
    spec = tiny_run(optimizer={"lr": rate}, training={"log_every": 1}, snapshots={"steps": [1, 24]})
    assert read_json(run_to_end(spec, tmp_path, tiny_images).status)["state"] in ("ok", "diverged")


@pytest.mark.slow
def test_state_of_another_training_is_not_used(tiny_run, tiny_images: Path, tmp_path: Path, interrupted: RunPaths):
    run, changed = interrupted, tiny_run(optimizer={"lr": 0.001})
    sha256 = PreparedData.open(tiny_images).sha256
    identity = {"spec": tiny_run().to_dict(), "dataset_sha256": sha256, "device": "cpu", "version": __version__}
    state, message = load_state(run, {**identity, "spec": changed.to_dict()})
    assert state is None
    assert "spec.optimizer.lr: 0.002 -> 0.001" in message
    state, message = load_state(run, {**identity, "dataset_sha256": "other"})
    assert state is None
    assert f"dataset_sha256: {sha256} -> other" in message
    state, message = load_state(run, identity)
    assert state is not None
    assert message == "resuming after update 9"
    run_to_end(changed, run.root, tiny_images)
    assert_same_run(run, run_to_end(changed, tmp_path / "fresh", tiny_images))


@pytest.mark.parametrize("damage", ["truncate", "garbage", "another network"])
def test_damaged_state_means_starting_anew(
    damage: str, tiny_run, tiny_images: Path, interrupted: RunPaths, undisturbed: RunPaths
):
    path = state_path(interrupted)
    if damage == "another network":
        state = torch.load(path, weights_only=True)
        state["trainer"]["G"]["extra.weight"] = torch.zeros(1)
        torch.save(state, path)
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if damage == "truncate" else b"x" * 1000)
    run_to_end(tiny_run(), interrupted.root, tiny_images)
    assert_same_run(interrupted, undisturbed)


def test_no_run_is_trained_twice_at_once(tiny_run, tiny_images: Path, tmp_path: Path):
    run = RunPaths(tmp_path)
    with run_lock(run), pytest.raises(ConfigError, match=r"being trained already, by .* process \d+"):
        train(tiny_run(), run, tiny_images, CPU)
    train(tiny_run(), run, tiny_images, CPU, TrainOptions(tensorboard=False))


def test_same_seed_starts_with_the_same_generator(tiny_run, tiny_images: Path):
    data = train_images(tiny_images)
    weights = [
        Trainer(tiny_run(method={"name": name, "options": {}}), data, CPU).G.state_dict()["dense.weight"]
        for name in METHODS
    ]
    assert all(torch.equal(weights[0], other) for other in weights[1:])
    assert not torch.equal(weights[0], Trainer(tiny_run(seed=4), data, CPU).G.state_dict()["dense.weight"])


def test_d_is_untouched_by_gs_step_and_g_by_ds(tiny_run, tiny_images: Path, monkeypatch):
    trainer = Trainer(tiny_run(method={"name": "bn", "options": {}}), train_images(tiny_images), CPU)
    seen = []
    step = Adam.step

    def watched(self):
        mine, other = (trainer.D, trainer.G) if self is trainer.opt_d else (trainer.G, trainer.D)
        before = [p.clone() for p in other.parameters()], [p.clone() for p in mine.parameters()]
        step(self)
        assert all(torch.equal(a, b) for a, b in zip(before[0], other.parameters(), strict=True))
        assert any(not torch.equal(a, b) for a, b in zip(before[1], mine.parameters(), strict=True))
        seen.append(self is trainer.opt_d)

    monkeypatch.setattr(Adam, "step", watched)
    trainer.step()
    assert seen == [True, False]


def latents_of(trainer: Trainer) -> list[torch.Tensor]:
    """The latents that G gets from now on."""
    drawn: list[torch.Tensor] = []
    trainer.G.register_forward_pre_hook(lambda module, inputs: drawn.append(inputs[0].clone()))
    return drawn


def test_n_dis_and_fresh_latents(tiny_run, tiny_images: Path):
    trainer = Trainer(tiny_run(optimizer={"n_dis": 3}), train_images(tiny_images), CPU)
    drawn = latents_of(trainer)
    trainer.step()
    assert len(drawn) == 4  # three steps of D, one of G
    assert all(not torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])
    assert trainer.batches.position == 3 * 8


def test_ttur_and_linear_decay(tiny_run, tiny_images: Path):
    spec = tiny_run(optimizer={"lr": None, "lr_d": 4e-4, "lr_g": 1e-4}, training={"lr_decay_from": 0.5})
    trainer = Trainer(spec, train_images(tiny_images), CPU)
    assert (trainer.opt_d.lr, trainer.opt_g.lr) == (4e-4, 1e-4)
    rates = learning_rates(spec, 24, np.array([0, 12, 18, 24]))[0]
    assert rates.tolist() == pytest.approx([4e-4, 4e-4, 2e-4, 0.0])
    trainer.steps = 18
    trainer.step()
    assert trainer.opt_g.lr == pytest.approx(0.5e-4)


def test_ema_by_hand(tiny_run, tiny_images: Path):
    trainer = Trainer(tiny_run(training={"ema": 0.75}), train_images(tiny_images), CPU)
    start = trainer.G.dense.weight.detach().clone()
    trainer.step()
    expected = 0.75 * start + 0.25 * trainer.G.dense.weight.detach()
    assert torch.allclose(trainer.sampled_weights()["dense.weight"], expected, atol=1e-7)


@pytest.mark.slow
def test_spectral_norm_of_every_layer_after_training(tiny_run, tiny_images: Path):
    """By SVD, within [0.95, 1.05] after training with one power iteration per forward."""
    spec = tiny_run(budget={"steps": 150}, nets={"width": 8})
    trainer = Trainer(spec, train_images(tiny_images), CPU)
    for _ in range(150):
        trainer.step()
    for layer in trainer.D.modules():
        if hasattr(layer, "normalised_weight"):
            weight = layer.normalised_weight(advance=False).detach().flatten(1).double()
            assert 0.95 <= float(torch.linalg.svdvals(weight)[0]) <= 1.05


@pytest.mark.parametrize("name", METHODS)
def test_bf16_follows_fp32(name: str, tiny_run, tiny_images: Path):
    """The first losses agree to bf16 accuracy, and every loss is float32: reductions do not run in 8 bits."""
    rows = {}
    for precision in ("fp32", "bf16"):
        spec = tiny_run(method={"name": name, "options": {}}, training={"precision": precision})
        trainer = Trainer(spec, train_images(tiny_images), CPU)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            trainer.batches.load()
            real = trainer.batches.batch()
            fake = Batch(trainer.G(torch.randn(8, 8)).detach())
            loss, _ = trainer.method.d_loss(trainer.D, real, fake)
            assert loss.dtype == trainer.method.g_loss(trainer.D, fake, real)[0].dtype == torch.float32
        dtypes = []
        hook = trainer.D.register_forward_hook(lambda *_: dtypes.append(torch.is_autocast_enabled("cpu")))  # noqa: B023
        rows[precision] = trainer.step()
        hook.remove()
        if getattr(trainer.method.options, "penalty", None) not in ("gradient", "dragan"):  # these run in float32
            assert set(dtypes) == {precision == "bf16"}  # in D's steps and in G's
    assert rows["bf16"]["d_loss"].item() == pytest.approx(rows["fp32"]["d_loss"].item(), rel=0.03, abs=0.02)
    assert rows["bf16"]["d_loss"].item() != rows["fp32"]["d_loss"].item()


def test_epoch_budget_is_derived_and_recorded(tiny_run, tiny_images: Path, tmp_path: Path):
    spec = tiny_run(budget={"epochs": 2}, snapshots={"count": 2})
    status = read_json(run_to_end(spec, tmp_path, tiny_images).status)
    assert status["steps_total"] == round(2 * 50 / 8)
    assert [entry["steps"] for entry in status["snapshots"]] == [6, 12]


def test_disk_full_leaves_the_old_state(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    run = RunPaths(tmp_path)
    interrupted_at(tiny_run(), run, tiny_images, 9, monkeypatch)
    before = state_path(run).read_bytes()
    save = torch.save

    def full(value, path, *rest):
        save(value, path, *rest)
        Path(path).write_bytes(Path(path).read_bytes()[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(OSError, match="no space left"):
            train(tiny_run(), run, tiny_images, CPU, TrainOptions(checkpoint_seconds=0, tensorboard=False))
    assert state_path(run).read_bytes() == before
    assert [file for file in run.resume.iterdir() if file.name.startswith(".")] == []
    assert train(tiny_run(), run, tiny_images, CPU, TrainOptions(tensorboard=False))["state"] == "ok"


def test_adam_gets_the_setting(tiny_run, tiny_images: Path):
    trainer = Trainer(tiny_run(optimizer={"beta1": 0.11, "beta2": 0.77}), train_images(tiny_images), CPU)
    for optimizer in (trainer.opt_d, trainer.opt_g):
        assert (optimizer.beta1, optimizer.beta2) == (0.11, 0.77)
        assert optimizer.lr == 0.002


def test_latent_laws(tiny_run, tiny_images: Path):
    for law, bounds, deviation in (("uniform", 1.0, 3**-0.5), ("normal", 6.0, 1.0)):
        spec = tiny_run(nets={"z_law": law, "z_dim": 500}, training={"batch_size": 40})
        trainer = Trainer(spec, train_images(tiny_images), CPU)
        drawn = latents_of(trainer)
        trainer.step()
        z = drawn[0]
        assert z.abs().max() <= bounds
        assert z.mean().item() == pytest.approx(0, abs=0.03)
        assert z.std().item() == pytest.approx(deviation, rel=0.03)


def test_training_noise_depends_on_the_seed(tiny_run, tiny_images: Path):
    images = train_images(tiny_images)
    draws = []
    for seed in (3, 3, 4):
        trainer = Trainer(tiny_run(seed=seed), images, CPU)
        drawn = latents_of(trainer)
        trainer.step()
        draws.append(drawn[0])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_the_methods_own_state_moves_and_is_logged(tiny_run, tiny_images: Path, tmp_path: Path):
    spec = tiny_run(method={"name": "began", "options": {"lambda_k": 0.1, "gamma": 1.0}})
    frame = log(run_to_end(spec, tmp_path, tiny_images))
    assert frame["k"].nunique() > 5
    assert (frame["convergence"] >= 0).all()


def test_snapshots_and_samples_are_of_the_average(tiny_run, tiny_images: Path, tmp_path: Path):
    from safetensors.torch import load_file

    spec = tiny_run(training={"ema": 0.9}, snapshots={"steps": [24]})
    trainer = Trainer(spec, train_images(tiny_images), CPU)
    for _ in range(24):
        trainer.step()
    run = run_to_end(spec, tmp_path, tiny_images)
    saved = load_file(run.snapshot(24))
    assert all(torch.equal(saved[name], value) for name, value in trainer.G_ema.state_dict().items())
    assert not torch.equal(saved["dense.weight"], trainer.G.state_dict()["dense.weight"])
    running = trainer.G_ema.stages[1].running_mean
    assert not torch.equal(running, torch.zeros_like(running))  # statistics are averaged too
    assert np.array_equal(np.load(run.samples / "final.npy"), trainer.fixed_samples())


def test_logged_gradient_norms(tiny_run, tiny_images: Path):
    trainer = Trainer(tiny_run(), train_images(tiny_images), CPU)
    logs = trainer.step()
    for name, parameters in (("grad_norm_d", trainer.d_parameters), ("grad_norm_g", trainer.g_parameters)):
        squares = sum(p.grad.square().sum() for p in parameters)
        assert logs[name].item() == pytest.approx(squares.sqrt().item(), rel=1e-5)


def test_a_state_never_runs_code(tiny_run, tiny_images: Path, tmp_path: Path, interrupted: RunPaths):
    trap = tmp_path / "trap"

    class Malicious:
        def __reduce__(self):
            return (Path.touch, (trap,))

    torch.save({"format": 1, "identity": "{}", "x": Malicious()}, state_path(interrupted))
    assert train(tiny_run(), interrupted, tiny_images, CPU, TrainOptions(tensorboard=False))["state"] == "ok"
    assert not trap.exists()


def test_checkpoints_do_not_wait_for_the_log(tiny_run, tiny_images: Path, tmp_path: Path, monkeypatch):
    saves = []
    monkeypatch.setattr(files_module, "save_state", lambda run, identity, state: saves.append(state["steps"]))
    run_to_end(tiny_run(training={"log_every": 1000}), tmp_path, tiny_images, checkpoint_seconds=1e-9)
    assert saves == list(range(1, 25))


def test_rests_of_a_killed_write_are_removed(tiny_run, tiny_images: Path, tmp_path: Path):
    rest = tmp_path / "snapshots" / ".00000024-f7mok4xx.safetensors"
    rest.parent.mkdir()
    rest.write_text("half a snapshot")
    keep = tmp_path / ".gitkeep"
    keep.touch()
    run_to_end(tiny_run(), tmp_path, tiny_images)
    assert not rest.exists()
    assert keep.exists()


def test_a_trained_state_gives_the_results_in_a_second_call(
    tiny_run, tiny_images: Path, tmp_path: Path, undisturbed: RunPaths
):
    """As for trainings that share a GPU: one call trains, another writes the results, and they are the usual ones."""
    spec, cpu = tiny_run(), torch.device("cpu")
    parted = RunPaths(tmp_path / "parted")
    assert train(spec, parted, tiny_images, cpu, TrainOptions(tensorboard=False, state_only=True)) is None
    assert parted.trained.read_text() == spec.digest()
    assert not parted.status.exists()
    for _ in range(2):  # the state stays, in case the results are lost with a failed job
        train(spec, parted, tiny_images, cpu, TrainOptions(tensorboard=False, keep_state=True))
        for steps in (7, 24):
            assert parted.snapshot(steps).read_bytes() == undisturbed.snapshot(steps).read_bytes()
        parted.status.unlink()
    train(spec, parted, tiny_images, cpu, TrainOptions(tensorboard=False))
    assert {file.name for file in parted.resume.iterdir()} == {"lock"}
