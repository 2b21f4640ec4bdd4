"""A smaller last batch, a share of the training images, D's halved loss, and D kept at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.files import read_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData
from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import Batch, ImageSpec
from sngan_repro.study.load import load_study
from sngan_repro.training.discriminator import load_discriminator
from sngan_repro.training.images import rows_used
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.trainer import Trainer

CPU = torch.device("cpu")


def test_the_tutorial_has_469_updates_in_an_epoch():
    run = load_study("config/studies/mnist_tutorial.yaml").runs()[0]
    assert run.steps_per_epoch(60_000) == 469
    assert run.budget.total_steps(run.steps_per_epoch(60_000)) == 23_450
    assert run.images_seen(469, 60_000) == 60_000
    assert run.images_seen(470, 60_000) == 60_128
    assert run.images_seen(23_450, 60_000) == 50 * 60_000


def test_g_and_d_get_batches_of_the_same_size(tiny_run, tiny_images: Path):
    """50 images in batches of 8: six full ones and one of 2."""
    spec = tiny_run(training={"batch_size": 8, "smaller_last_batch": True}, optimizer={"n_dis": 1})
    trainer = Trainer(spec, PreparedData.open(tiny_images).images("train"), CPU)
    seen = []

    def loss(D, fake, real):
        seen.append((len(fake.images), len(real.images)))
        return type(trainer.method).g_loss(trainer.method, D, fake, real)

    trainer.method.g_loss = loss
    for _ in range(8):
        trainer.step()
    assert seen == [(8, 8)] * 6 + [(2, 2), (8, 8)]
    assert spec.images_seen(8, 50) == 58


def test_a_share_of_the_images_is_even_over_the_classes(tiny_run):
    labels = np.repeat(np.arange(5), [100, 100, 50, 50, 300])
    spec = tiny_run(training={"data_fraction": 0.1})
    rows = rows_used(spec, labels, 600)
    assert np.bincount(labels[rows]).tolist() == [10, 10, 5, 5, 30]
    assert np.array_equal(rows, np.unique(rows))
    other = rows_used(spec.model_copy(update={"seed": spec.seed + 1}), labels, 600)
    assert not np.array_equal(rows, other)
    assert len(rows_used(spec, None, 600)) == 60
    assert np.array_equal(rows_used(tiny_run(), labels, 600), np.arange(600))


def test_a_training_sees_its_share_only(tiny_run, tiny_images: Path):
    data = PreparedData.open(tiny_images)
    spec = tiny_run(training={"batch_size": 5, "data_fraction": 0.2})
    trainer = Trainer(spec, data.images("train"), CPU, labels=data.labels("train"))
    allowed = {image.tobytes() for image in data.images("train")[rows_used(spec, data.labels("train"), 50)]}
    for _ in range(6):
        trainer.batches.load()
        pixels = ((trainer.batches.batch().images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).contiguous()
        assert {image.numpy().tobytes() for image in pixels} <= allowed
    assert spec.steps_per_epoch(50) * spec.optimizer.n_dis == 2


def test_half_the_loss_and_the_whole_penalty():
    gan = METHODS.get("gan")
    losses = {}
    for factor in (1.0, 0.5):
        for penalty in (None, "gradient"):
            torch.manual_seed(0)
            method = gan(
                gan.Options(d_loss_factor=factor, penalty=penalty),
                ImageSpec(1, 28),
                NetsSpec(family="mnist_tutorial", width=8, z_dim=4),
            )
            _, D = method.build()
            real, fake = (Batch(torch.rand(4, 1, 28, 28) * 2 - 1) for _ in range(2))
            losses[factor, penalty] = method.d_loss(D, real, fake)[0].item()
    assert losses[0.5, None] == pytest.approx(losses[1.0, None] / 2)
    penalty = losses[1.0, "gradient"] - losses[1.0, None]
    assert penalty > 0
    assert losses[0.5, "gradient"] == pytest.approx(losses[0.5, None] + penalty, rel=1e-5)
    assert r"0.5\,\bigl(" in gan.equations_for(gan.Options(d_loss_factor=0.5))


def test_d_is_kept_and_read_back(tiny_run, tiny_images: Path, tmp_path: Path):
    spec = tiny_run(training={"save_d": True}, budget={"steps": 4})
    run = RunPaths(tmp_path)
    train(spec, run, tiny_images, CPU, TrainOptions(tensorboard=False, keep_state=True))
    kept = torch.load(run.resume / "state.pt", weights_only=True)["trainer"]["D"]
    found = load_discriminator(run.discriminator)
    assert found.spec == spec
    for name, value in found.D.state_dict().items():
        assert torch.equal(value, kept[name]), name
    with pytest.raises(ConfigError, match=r"a training keeps D with `training: \{save_d: true\}`"):
        load_discriminator(tmp_path / "nothing.safetensors")
    with pytest.raises(ConfigError, match="expected a discriminator of the format"):
        load_discriminator(next((tmp_path / "snapshots").iterdir()))
    content = bytearray(run.discriminator.read_bytes())
    content[-3] ^= 1  # one bit of the last weight
    (tmp_path / "damaged.safetensors").write_bytes(content)
    with pytest.raises(ConfigError, match="damaged: its checksum is wrong"):
        load_discriminator(tmp_path / "damaged.safetensors")
    assert read_json(run.status)["images_seen"] == 4 * spec.training.batch_size * spec.optimizer.n_dis
