"""The measurements of D: values by an independent formula, and a training that does not notice them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conditional import conditional_family
from safetensors.numpy import load_file
from torch import nn

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData
from sngan_repro.nets import build_autoencoder_discriminator, build_discriminator
from sngan_repro.nets.interface import DOutput, ImageSpec
from sngan_repro.nets.latents import latents
from sngan_repro.training import measures
from sngan_repro.training.job import train
from sngan_repro.training.measures import Measures
from sngan_repro.training.options import TrainOptions
from sngan_repro.training.spectra import effective_rank, squared_singular_values, write_spectra
from sngan_repro.training.trainer import Trainer

CPU = torch.device("cpu")
NUM_TRAIN, NUM_TEST, Z_DIM = 50, 20, 8


class Linear(nn.Module):
    """f(x) = <w, x> + b, with w rising from -0.1 in the first row of pixels to 0.1 in the last."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.linspace(-1, 1, 256))
        self.bias = nn.Parameter(torch.tensor(0.05))

    def forward(self, images, labels=None) -> DOutput:
        return DOutput(images.flatten(1) @ self.weight + self.bias)


def logits_of(images: np.ndarray, weight: float = 0.1, bias: float = 0.05) -> np.ndarray:
    """f of images (N, 256), float64."""
    return images.astype(np.float64) @ np.linspace(-weight, weight, 256) + bias


def measured_with_linear_d(tiny_run, folder: Path, **training) -> tuple[Measures, dict[str, float], dict]:
    """(the measures, their columns, images as float64 (N, 256)); D's weight is tripled by the update."""
    data = PreparedData.open(folder)
    spec = tiny_run(training={"batch_size": NUM_TRAIN, "spectral_every": 3, **training})
    trainer = Trainer(spec, data.images("train"), CPU)
    trainer.D, trainer.steps = Linear(), 2
    found = Measures(trainer, data)
    found.before()
    with torch.no_grad():
        trainer.D.weight *= 3
        z = latents(NUM_TRAIN, Z_DIM, "normal", measures.OUTPUTS_SEED, start=2 * NUM_TRAIN)
        images = {"fake": trainer.G(z).flatten(1).double().numpy()}
    for split in ("train", "test"):
        pixels = data.images(split).astype(np.float64).reshape(-1, 256)  # one channel, so the order is the same
        images[split] = pixels * 2 / 255 - 1
    trainer.steps += 1
    columns = found.after()
    assert columns is not None
    return found, columns, images


def test_outputs_and_input_gradients_of_a_linear_d(tiny_run, tiny_images: Path):
    _, columns, images = measured_with_linear_d(tiny_run, tiny_images)
    real, fake, after = logits_of(images["train"]), logits_of(images["fake"]), logits_of(images["fake"], 0.3)
    assert 0 < (real > 0).sum() < NUM_TRAIN  # otherwise the test could not see a wrong sign
    assert 0 < (fake < 0).sum() < NUM_TRAIN
    norm = 0.1 * np.sqrt((np.linspace(-1, 1, 256) ** 2).sum())
    expected = {
        "d/accuracy_real": (real > 0).mean(),
        "d/accuracy_fake": (fake < 0).mean(),
        "d/sigmoid_real": (1 / (1 + np.exp(-real))).mean(),
        "d/sigmoid_fake": (1 / (1 + np.exp(-fake))).mean(),
        "d/sigmoid_fake_after": (1 / (1 + np.exp(-after))).mean(),
        "d/input_gradient_mean": norm,
        "d/input_gradient_p99": norm,
        "d/input_gradient_max": norm,
        "d/interpolated_gradient_mean": norm,
    }
    assert columns == pytest.approx(expected, rel=1e-5)
    assert abs(columns["d/sigmoid_fake_after"] - columns["d/sigmoid_fake"]) > 1e-3


def test_norms_of_input_gradients_are_those_of_single_images(tiny_run, tiny_images: Path):
    """f(x) = sum w (x + 0.5)^2 / 2 has the gradient w (x + 0.5); w rises from 0 to 1."""

    class Quadratic(nn.Module):
        def forward(self, images, labels=None) -> DOutput:
            return DOutput((images.flatten(1) + 0.5).square() @ torch.linspace(0, 1, 256) / 2)

    data = PreparedData.open(tiny_images)
    trainer = Trainer(tiny_run(training={"batch_size": NUM_TRAIN, "spectral_every": 1}), data.images("train"), CPU)
    trainer.D = Quadratic()
    found = Measures(trainer, data)
    found.before()
    trainer.steps += 1
    columns = found.after()
    pixels = data.images("train").reshape(NUM_TRAIN, -1) * (2 / 255) - 1.0
    norms = np.linalg.norm(np.linspace(0, 1, 256) * (pixels + 0.5), axis=1)
    assert columns["d/input_gradient_mean"] == pytest.approx(norms.mean(), rel=1e-5)
    assert columns["d/input_gradient_p99"] == pytest.approx(np.percentile(norms, 99), rel=1e-5)
    assert columns["d/input_gradient_max"] == pytest.approx(norms.max(), rel=1e-5)
    assert norms.max() > np.percentile(norms, 99) > norms.mean()
    with torch.no_grad():
        z = latents(NUM_TRAIN, trainer.spec.nets.z_dim, "normal", measures.OUTPUTS_SEED)
        fake = trainer.G(z).flatten(1).double().numpy()
    random = np.random.default_rng([trainer.spec.seed, 0, measures.OUTPUTS_SEED])
    real = pixels[np.sort(random.choice(NUM_TRAIN, NUM_TRAIN, replace=False))]
    places = np.random.default_rng([trainer.spec.seed, 0, measures.CRITIC_SEED]).random((NUM_TRAIN, 1), np.float32)
    between = np.linalg.norm(np.linspace(0, 1, 256) * (real + places * (fake - real) + 0.5), axis=1)
    assert columns["d/interpolated_gradient_mean"] == pytest.approx(between.mean(), rel=1e-5)


@pytest.mark.parametrize("asked", [10_000, 13])
def test_critic_loss_on_training_and_held_out_images(asked: int, tiny_run, tiny_images: Path):
    found, columns, images = measured_with_linear_d(tiny_run, tiny_images, critic_loss_images=asked)
    num_fake = min(asked, NUM_TRAIN)
    with torch.no_grad():
        z = latents(num_fake, Z_DIM, "normal", measures.CRITIC_SEED)
        fake = logits_of(found.trainer.G(z).flatten(1).double().numpy(), 0.3).mean()
    for split, name in (("train", "train"), ("test", "held_out")):
        order = np.random.default_rng(measures.CRITIC_SEED).permutation(len(images[split]))[:asked]
        expected = fake - logits_of(images[split][order], 0.3).mean()
        assert columns[f"critic_loss/{name}"] == pytest.approx(expected, rel=1e-4)
    assert columns["critic_loss/train"] != columns["critic_loss/held_out"]


def test_measurements_are_due_at_intervals(tiny_run, tiny_images: Path):
    data = PreparedData.open(tiny_images)
    trainer = Trainer(tiny_run(training={"spectral_every": 2}), data.images("train"), CPU)
    found, due = Measures(trainer, data), []
    for _ in range(5):
        found.before()
        trainer.advance()
        due.append(found.after() is not None)
    assert due == [False, True, False, True, False]


def test_an_autoencoder_has_spectral_norms_only(tiny_run, tiny_images: Path):
    data = PreparedData.open(tiny_images)
    spec = tiny_run(method={"name": "began"}, training={"spectral_every": 1, "critic_loss_images": 10})
    trainer = Trainer(spec, data.images("train"), CPU)
    found = Measures(trainer, data)
    found.before()
    trainer.advance()
    assert {name.split("/")[0] for name in found.after()} == {"spectral"}


def test_a_critic_loss_without_held_out_images_is_an_error(tiny_run, tiny_images: Path):
    data = PreparedData.open(tiny_images)
    data = replace(data, info={**data.info, "num_train": 70, "num_test": 0})
    trainer = Trainer(tiny_run(training={"critic_loss_images": 10}), data.images("train"), CPU)
    with pytest.raises(ConfigError, match=r"critic_loss_images: 10.*needs held-out images.*test_fraction"):
        Measures(trainer, data)


@pytest.mark.parametrize("name", ["sngan", "bn", "ebgan", "conditional", "spectral_penalty", "sn_wgan_gp"])
def test_a_training_does_not_notice_the_measurements(name: str, tiny_run, tiny_images: Path, tmp_path: Path):
    """The same weights and logs to the bit: power iterations, running statistics and random states are left alone."""

    def trained(folder: str, **training) -> tuple[RunPaths, pd.DataFrame]:
        conditional = {"family": "conditional", "conditional": True} if name == "conditional" else {}
        spec = tiny_run(
            method={"name": "gan" if conditional else name},
            optimizer={"n_dis": 2},
            budget={"steps": 6},
            snapshots={"count": 1},
            nets=conditional,
            training=training,
        )
        run = RunPaths(tmp_path / folder)
        train(spec, run, tiny_images, CPU, TrainOptions(tensorboard=False))
        return run, pd.read_parquet(run.log).drop(columns="images_per_second")

    with conditional_family():
        watched, log = trained("watched", spectral_every=1, critic_loss_images=30)
        alone, plain = trained("alone", spectral_every=100)
    new = [column for column in log if "/" in column]
    assert log[new].notna().all().all()
    assert len(new) > (5 if name == "ebgan" else 10)
    pd.testing.assert_frame_equal(log.drop(columns=new), plain, check_exact=True)
    weights = [load_file(run.snapshot(6)) for run in (watched, alone)]
    assert weights[0].keys() == weights[1].keys()
    assert all(np.array_equal(weights[0][key], weights[1][key]) for key in weights[0])
    spectra = [pd.read_parquet(run.spectra) for run in (watched, alone)]
    pd.testing.assert_frame_equal(*spectra, check_exact=True)


@pytest.mark.parametrize(
    ("squared", "rank"), [([1.0], 1.0), ([4.0, 4.0, 4.0], 3.0), ([9.0, 0.0], 1.0), ([4.0, 1.0], 1.6493848884661177)]
)
def test_effective_rank_by_hand(squared: list[float], rank: float):
    """exp(-(0.8 ln 0.8 + 0.2 ln 0.2)) = 0.8^-0.8 * 0.2^-0.2 = 1.64938..."""
    assert effective_rank(np.array(squared)) == pytest.approx(rank, rel=1e-12)


def test_effective_rank_without_any_weight():
    assert np.isnan(effective_rank(np.zeros(3)))


@pytest.mark.parametrize("weights", [None, "spectral", "weight"])
def test_spectra_are_those_of_the_normalised_weights(weights: str | None, tmp_path: Path):
    torch.manual_seed(0)
    D = build_discriminator(NetsSpec(width=4), ImageSpec(3, 16), weights=weights)
    write_spectra(D, tmp_path / "d.parquet")
    table = pd.read_parquet(tmp_path / "d.parquet")
    layers = {name: layer for name, layer in D.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
    assert list(table["layer"].unique()) == list(layers)
    for name, layer in layers.items():
        with torch.no_grad():
            W = layer.parametrizations.weight.original if weights else layer.weight
            W = W.flatten(1).double().numpy()
        if weights == "weight":
            W = W / np.sqrt((W**2).sum(axis=1, keepdims=True))
        elif weights == "spectral":  # by the estimate of sigma that the layer uses
            normaliser = layer.parametrizations.weight[0]
            u, v = normaliser.u.double().numpy(), normaliser.v.double().numpy()
            shape = (layer.in_channels, *layer.kernel_size) if isinstance(layer, nn.Conv2d) else (layer.in_features,)
            v = np.moveaxis(v.reshape(*shape[1:], shape[0]), -1, 0).reshape(-1)
            W = W / (u @ W @ v)
        expected = np.linalg.eigvalsh(W @ W.T)[::-1].clip(0) if len(W) <= W.shape[1] else (W**2).sum(keepdims=True)
        rows = table[table["layer"] == name]
        assert list(rows["number"]) == list(range(1, min(W.shape) + 1))
        np.testing.assert_allclose(rows["squared"], np.ravel(expected), rtol=2e-6, atol=1e-9)
        assert (rows["effective_rank"] == effective_rank(rows["squared"].to_numpy())).all()


def test_spectra_of_transposed_convolutions():
    torch.manual_seed(0)
    D = build_autoencoder_discriminator(NetsSpec(width=4, z_dim=6), ImageSpec(1, 16), 6)
    name, layer = next((n, m) for n, m in D.named_modules() if isinstance(m, nn.ConvTranspose2d))
    d_in, d_out, height, width = layer.weight.shape
    W = layer.weight.detach().double().numpy().transpose(1, 0, 2, 3).reshape(d_out, d_in * height * width)
    np.testing.assert_allclose(squared_singular_values(D)[name], np.linalg.svd(W)[1] ** 2, rtol=1e-10)
