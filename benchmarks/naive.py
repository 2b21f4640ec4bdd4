"""The baseline of train.py: the same networks and losses in the loop that most repositories have.

Images as float tensors in the default memory format, PyTorch's own spectral normalisation, Adam with its defaults, all
parameters of D differentiated in G's step too, and every logged number read at once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.parametrizations import spectral_norm

from sngan_repro.config.specs import RunSpec
from sngan_repro.core.schema import parse
from sngan_repro.methods import METHODS
from sngan_repro.nets import build_discriminator
from sngan_repro.nets.interface import Batch, ImageSpec
from sngan_repro.nets.weights import normalisers_of, weighted_layers


class NaiveLoop:
    """One training; ``step`` is one generator update and returns the logged numbers."""

    def __init__(self, spec: RunSpec, images: np.ndarray, device: torch.device) -> None:
        """images: uint8 (N, H, W, C)."""
        self.spec, self.device = spec, device
        channels_first = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        self.images = (channels_first.float() / 127.5 - 1).to(device)
        method_class = METHODS.get(spec.method.name)
        options = parse(method_class.Options, spec.method.options, spec.name)
        _, channels, size, _ = self.images.shape
        self.method = method_class(options, ImageSpec(channels, size), spec.nets)
        torch.manual_seed(spec.seed)
        self.G, self.D = self.method.build()
        if any(normalisers_of(layer) for _, layer in weighted_layers(self.D)):
            self.D = build_discriminator(spec.nets, self.method.image)
            for _, layer in weighted_layers(self.D):
                spectral_norm(layer)
        self.G.to(device)
        self.D.to(device)
        self.method.state = {name: value.to(device) for name, value in self.method.state.items()}
        betas = (spec.optimizer.beta1, spec.optimizer.beta2)
        lr_d, lr_g = spec.optimizer.rates
        self.opt_d = torch.optim.Adam(self.D.parameters(), lr_d, betas)
        self.opt_g = torch.optim.Adam(self.G.parameters(), lr_g, betas)

    def step(self) -> dict[str, float]:
        for _ in range(self.spec.optimizer.n_dis):
            chosen = torch.randint(len(self.images), (self.spec.training.batch_size,))
            real = Batch(self.images[chosen.to(self.device)])
            self.opt_d.zero_grad()
            with self._autocast():
                fake = self.G(self._latents()).detach()
                d_loss, d_logs = self.method.d_loss(self.D, real, Batch(fake))
            d_loss.backward()
            self.opt_d.step()
        self.opt_g.zero_grad()
        with self._autocast():
            g_loss, g_logs = self.method.g_loss(self.D, Batch(self.G(self._latents())), real)
        g_loss.backward()
        self.opt_g.step()
        logs = {**d_logs, **g_logs, **self.method.after_step(), "d_loss": d_loss, "g_loss": g_loss}
        return {name: value.item() for name, value in logs.items()}

    def _latents(self) -> Tensor:
        return torch.randn(self.spec.training.batch_size, self.spec.nets.z_dim, device=self.device)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.spec.training.precision == "bf16")
