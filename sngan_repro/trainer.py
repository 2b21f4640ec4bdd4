"""One run, a generator update at a time: networks, optimisers, data and counters. The one loop of all methods."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sngan_repro.batches import BatchStream
from sngan_repro.config import ConfigError, parse
from sngan_repro.latents import training_latents
from sngan_repro.methods import METHODS
from sngan_repro.sample import generate
from sngan_repro.specs import RunSpec

GRID_SEED, GRID_IMAGES = 20180216, 64  # the same latents in every run


class Trainer:
    """One run: networks, optimisers and counters, a step at a time. Everything in ``state`` survives a kill.

    images: the training images, uint8 (N, H, W, C).
    """

    def __init__(self, spec: RunSpec, images: np.ndarray, device: torch.device) -> None:
        self.spec, self.device = spec, device
        self.num_train, height, width, channels = images.shape
        self.image_shape = (channels, height, width)
        self.total_steps = spec.budget.total_steps(spec.steps_per_epoch(self.num_train))
        self.batches = BatchStream(images, spec.training.batch_size, spec.seed, device)

        method_class = METHODS.get(spec.method.name)
        options = parse(method_class.Options, spec.method.options, spec.id)
        self.method = method_class(options, self.image_shape, spec.nets)
        # G comes first from the same random state, so runs of one seed start with the same G under every method.
        torch.manual_seed(spec.seed)
        try:
            self.G, self.D = self.method.build()
        except ConfigError as error:  # a network that the family does not have
            raise ConfigError(f"the method '{spec.method.name}' of run {spec.id} cannot be built: {error}") from None
        self.G.to(device).to(memory_format=torch.channels_last)
        self.D.to(device).to(memory_format=torch.channels_last)
        self.method.state = {name: value.to(device) for name, value in self.method.state.items()}
        self.d_parameters = [p for p in self.D.parameters() if p.requires_grad]
        self.g_parameters = [p for p in self.G.parameters() if p.requires_grad]
        betas = (spec.optimiser.beta1, spec.optimiser.beta2)
        fused = device.type in ("cpu", "cuda")
        lr_d, lr_g = spec.optimiser.rates
        self.opt_d = torch.optim.Adam(self.d_parameters, lr_d, betas, fused=fused)
        self.opt_g = torch.optim.Adam(self.g_parameters, lr_g, betas, fused=fused)
        self.sampler = copy.deepcopy(self.G).requires_grad_(False)  # G as it is sampled: its average under `ema`
        self.steps = 0
        torch.manual_seed(int(np.random.SeedSequence([spec.seed, 1]).generate_state(1)[0]))

    def step(self) -> dict[str, Tensor]:
        """One generator update: n_dis steps of D, one of G. Returns the row to log; nothing here waits for a GPU."""
        self._set_rates()
        for _ in range(self.spec.optimiser.n_dis):
            real = next(self.batches)
            with self._autocast():
                with torch.no_grad():
                    fake = self.G(self._latents())
                d_loss, d_logs = self.method.d_loss(self.D, real, fake)
            d_norm = self._update(self.opt_d, self.d_parameters, d_loss)
        self._freeze_d(True)
        with self._autocast():
            g_loss, g_logs = self.method.g_loss(self.D, self.G(self._latents()))
        g_norm = self._update(self.opt_g, self.g_parameters, g_loss)
        self._freeze_d(False)
        logs = {**d_logs, **g_logs, **self.method.after_step()}
        self._average()
        self.steps += 1
        losses = {"d_loss": d_loss.detach(), "g_loss": g_loss.detach()}
        return {k: v.float() for k, v in {**losses, **logs, "grad_norm_d": d_norm, "grad_norm_g": g_norm}.items()}

    def _update(self, optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter], loss: Tensor) -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        gradients = [p.grad for p in parameters if p.grad is not None]
        return torch.stack(torch._foreach_norm(gradients)).norm()

    def _freeze_d(self, frozen: bool) -> None:
        for parameter in self.d_parameters:
            parameter.requires_grad_(not frozen)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.spec.training.precision == "bf16")

    def _latents(self) -> Tensor:
        nets = self.spec.nets
        return training_latents(self.spec.training.batch_size, nets.z_dim, nets.z_law, self.device)

    def rates(self, steps: int | np.ndarray) -> tuple[Any, Any]:
        """Learning rates of D and G for the update after ``steps`` updates (an array gives arrays)."""
        lr_d, lr_g = self.spec.optimiser.rates
        start = self.spec.training.lr_decay_from
        if start is None:
            return lr_d + 0 * steps, lr_g + 0 * steps
        left = (self.total_steps - steps) / (self.total_steps * (1 - start))
        factor = np.clip(left, 0, 1)
        return lr_d * factor, lr_g * factor

    def _set_rates(self) -> None:
        if self.spec.training.lr_decay_from is not None:
            for optimiser, rate in zip((self.opt_d, self.opt_g), self.rates(self.steps), strict=True):
                optimiser.param_groups[0]["lr"] = float(rate)

    @torch.no_grad()
    def _average(self) -> None:
        """Move the sampled G towards G; batch statistics are averaged like weights."""
        if (decay := self.spec.training.ema) is not None:
            for mean, value in zip(self.sampler.state_dict().values(), self.G.state_dict().values(), strict=True):
                mean.lerp_(value, 1 - decay) if mean.is_floating_point() else mean.copy_(value)

    def sampled_weights(self) -> dict[str, Tensor]:
        """The weights that snapshots hold: G's, or their average."""
        return (self.G if self.spec.training.ema is None else self.sampler).state_dict()

    @torch.no_grad()
    def fixed_samples(self) -> np.ndarray:
        """Images of the same latents in every run, uint8 (64, H, W, C); grey where G gives non-finite pixels."""
        self.sampler.load_state_dict(self.sampled_weights())
        return generate(self.sampler, self.spec.nets, GRID_IMAGES, GRID_SEED, self.device, refuse_non_finite=False)

    def is_finite(self) -> bool:
        """Whether all weights and running statistics are finite (waits for the device)."""
        tensors = [*self.G.state_dict().values(), *self.D.state_dict().values(), *self.sampled_weights().values()]
        largest = torch._foreach_norm([t for t in tensors if t.is_floating_point()], float("inf"))
        return bool(torch.stack(largest).isfinite().all())

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on."""
        return {
            "steps": self.steps,
            "position": self.batches.position,
            "G": self.G.state_dict(),
            "D": self.D.state_dict(),
            "sampler": self.sampler.state_dict(),
            "opt_d": self.opt_d.state_dict(),
            "opt_g": self.opt_g.state_dict(),
            "method": self.method.state,
            "rng": torch.get_rng_state(),
            "rng_device": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self.steps, self.batches.position = state["steps"], state["position"]
        for name in ("G", "D", "sampler", "opt_d", "opt_g"):
            getattr(self, name).load_state_dict(state[name])
        for name, value in state["method"].items():
            self.method.state[name].copy_(value)
        torch.set_rng_state(state["rng"].cpu())
        if state["rng_device"] is not None:
            torch.cuda.set_rng_state(state["rng_device"].cpu(), self.device)
