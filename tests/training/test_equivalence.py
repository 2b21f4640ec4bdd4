"""The fast path computes what the plain one does: the loop of the baseline, layer by layer and step by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sngan_repro.data.dataset import PreparedData
from sngan_repro.nets.interface import Batch
from sngan_repro.nets.spectral_norm import SpectralNorm
from sngan_repro.nets.weights import normalisers_of, weighted_layers
from sngan_repro.training.trainer import Trainer

CPU = torch.device("cpu")
METHODS = ["sngan", "wgan_gp", "began", "ebgan", "bn", "ln"]


class PlainSpectralNorm(nn.Module):
    """W / sigma by plain autograd, from Algorithm 1 of Miyato et al. 2018; starts from a given u."""

    def __init__(self, u: Tensor) -> None:
        super().__init__()
        self.register_buffer("u", u.clone())

    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        with torch.no_grad():
            v = nn.functional.normalize(matrix.t() @ self.u, dim=0)
            u = nn.functional.normalize(matrix @ v, dim=0)
            self.u.copy_(u)
        return weight / (u @ matrix @ v)


def plainly(net: nn.Module) -> None:
    """Spectral normalisation by :class:`PlainSpectralNorm`, and PyTorch's default order in memory."""
    net.to(memory_format=torch.contiguous_format)
    for _, layer in weighted_layers(net):
        for normaliser in normalisers_of(layer):
            assert isinstance(normaliser, SpectralNorm)
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
            parametrize.register_parametrization(layer, "weight", PlainSpectralNorm(normaliser.u), unsafe=True)


def plain_losses(trainer: Trainer, images: np.ndarray, order: list[Tensor], updates: int) -> list[tuple[float, float]]:
    """The losses of a training written as plainly as can be, from the start that a Trainer has."""
    spec, method, G, D = trainer.spec, trainer.method, trainer.G, trainer.D
    method.batch_real_and_fake = False
    plainly(D)
    plainly(G)
    pixels = torch.from_numpy(images.copy()).permute(0, 3, 1, 2).contiguous()
    real_images = pixels.to(torch.get_default_dtype()) / 127.5 - 1
    optimizer = spec.optimizer
    adams = [
        torch.optim.Adam(net.parameters(), lr, (optimizer.beta1, optimizer.beta2), foreach=False)
        for net, lr in zip((D, G), optimizer.rates, strict=True)
    ]
    losses = []

    def latents() -> Tensor:
        return torch.randn(spec.training.batch_size, spec.nets.z_dim)

    with trainer.context.random():
        for _ in range(updates):
            for _ in range(optimizer.n_dis):
                fake = G(latents()).detach()
                d_loss, _ = method.d_loss(D, real := Batch(real_images[order.pop(0)]), Batch(fake))
                adams[0].zero_grad()
                d_loss.backward()
                adams[0].step()
            g_loss, _ = method.g_loss(D, Batch(G(latents())), real)
            adams[1].zero_grad()
            g_loss.backward()
            adams[1].step()
            method.after_step()
            losses.append((d_loss.item(), g_loss.item()))
    return losses


@pytest.fixture
def double():
    """Everything in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def both_paths(name: str, tiny_run, tiny_images: Path, updates: int) -> tuple[np.ndarray, np.ndarray]:
    """(losses of the fast path, losses of the plain path), (updates, 2)."""
    spec = tiny_run(
        method={"name": name, "options": {}},
        optimizer={"n_dis": 2, "lr": 2e-4},
        nets={"width": 8, "z_dim": 16},
        training={"batch_size": 16},
    )
    images = PreparedData.open(tiny_images).images("train")
    fast, start = Trainer(spec, images, CPU), Trainer(spec, images, CPU)
    order = [start.batches.indices_from(16 * number).clone() for number in range(2 * updates)]
    found = [[logs[key].item() for key in ("d_loss", "g_loss")] for logs in (fast.step() for _ in range(updates))]
    return np.array(found), np.array(plain_losses(start, images, order, updates))


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_same_mathematics_as_the_plain_path(name: str, tiny_run, tiny_images: Path, double):
    """20 updates in float64, two steps of D each. (In float32 a training amplifies rounding a thousandfold.)"""
    found, wanted = both_paths(name, tiny_run, tiny_images, 20)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    assert abs(found[-1, 0] - found[0, 0]) > 1e-4  # something was learned on the way


@pytest.mark.parametrize("name", METHODS)
def test_same_losses_as_the_plain_path(name: str, tiny_run, tiny_images: Path):
    """In float32, as it runs: the first update's losses within 1e-5, the third's within 1e-4."""
    found, wanted = both_paths(name, tiny_run, tiny_images, 3)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
