"""One run, a generator update at a time: networks, optimizers, data and counters. The one loop of all methods."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sngan_repro.config.specs import RunSpec
from sngan_repro.core import runtime
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.methods import METHODS
from sngan_repro.methods.base import Logs
from sngan_repro.nets.interface import Batch, ImageSpec
from sngan_repro.nets.latents import training_labels, training_latents
from sngan_repro.nets.precision import full_precision
from sngan_repro.nets.sampling import generate_grid
from sngan_repro.training.average import Average
from sngan_repro.training.batches import make_batches
from sngan_repro.training.compiled import UpdateNetworks, why_not
from sngan_repro.training.cuda_graph import GraphedStep, RunContext
from sngan_repro.training.images import label_law_of, rows_used
from sngan_repro.training.optimizer import Optimizer, frozen, learning_rates, make_optimizer
from sngan_repro.training.options import CompileMode

GRID_SEED = 20180216  # the same latents in every run


class Trainer:
    """One run: networks, optimizers and counters, one update at a time. Everything in ``state`` survives a kill.

    images: the training images, uint8 (N, H, W, C). labels: their classes, int64 (N,); needed by a class-conditional
    run, and used by others for an even ``data_fraction`` only. num_classes: default: one more than the largest label.
    cuda_graph: capture the updates in a CUDA graph where the device is a GPU and the method allows it; the numbers are
    the same. context: device, stream and random state; default: a new one on the device. streamed: read the images
    from ``images`` batch by batch; False copies them to the device; default: by their size. The numbers are the same.
    compile: whether G and D are compiled; the numbers differ by rounding.
    """

    def __init__(
        self,
        spec: RunSpec,
        images: np.ndarray,
        device: torch.device,
        cuda_graph: bool = True,
        context: RunContext | None = None,
        labels: np.ndarray | None = None,
        num_classes: int | None = None,
        streamed: bool | None = None,
        compile: CompileMode = "never",
    ) -> None:
        self.spec, self.device, self._streamed = spec, device, streamed
        self.num_train, size, _, channels = images.shape
        self.rows = rows_used(spec, labels, self.num_train)
        self.label_law = label_law_of(spec, labels, num_classes) if spec.nets.conditional else None
        self.image = ImageSpec(channels, size, len(self.label_law.shares) if self.label_law else None)
        self.total_steps = spec.budget.total_steps(spec.steps_per_epoch(self.num_train))
        self.steps = 0
        self.context = context or RunContext(device)
        with self.context.random():
            runtime.set_precision(spec.training.precision, device)  # of the process: not while another run samples
            self._build(images, labels if spec.nets.conditional else None)
        reason = "" if self.method.cuda_graph else f"the method '{spec.method.name}' has `cuda_graph = False`"
        if spec.training.smaller_last_batch:
            reason = "`smaller_last_batch` gives batches of two sizes"
        not_compiled = why_not(compile, device, self.total_steps)
        if not_compiled is None and not self.method.torch_compile:
            not_compiled = f"the method '{spec.method.name}' has `torch_compile = False`"
        self.networks = UpdateNetworks(self.G, self.D, not_compiled)
        self.graphed_step = GraphedStep(self.context, self._update, self.method.state, cuda_graph, reason)

    def _build(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        spec, device = self.spec, self.device
        batch_size, n_dis, smaller = spec.training.batch_size, spec.optimizer.n_dis, spec.training.smaller_last_batch
        if len(self.rows) < self.num_train:
            images, labels = images[self.rows], None if labels is None else labels[self.rows]
        self.batches = make_batches(images, batch_size, spec.seed, device, labels, n_dis, self._streamed, smaller)
        self._label_edges = self.label_law.edges(device) if self.label_law else None
        method_class = METHODS.get(spec.method.name)
        options = parse(method_class.Options, spec.method.options, spec.name)
        self.method = method_class(options, self.image, spec.nets)
        # G comes first from the same random state, so runs of one seed start with the same G under every method.
        torch.manual_seed(spec.seed)
        try:
            self.G, self.D = self.method.build()
        except ConfigError as error:  # a network that the family does not have
            raise ConfigError(f"the method '{spec.method.name}' of run {spec.name} cannot be built: {error}") from None
        self.G.to(device).to(memory_format=torch.channels_last)
        self.D.to(device).to(memory_format=torch.channels_last)
        self.method.state = {name: value.to(device) for name, value in self.method.state.items()}
        self.d_parameters = [p for p in self.D.parameters() if p.requires_grad]
        self.g_parameters = [p for p in self.G.parameters() if p.requires_grad]
        optimizer, changing = spec.optimizer, spec.training.lr_decay_from is not None
        lr_d, lr_g = optimizer.rates
        self.opt_d = make_optimizer(optimizer, self.d_parameters, lr_d, changing)
        self.opt_g = make_optimizer(optimizer, self.g_parameters, lr_g, changing)
        self.average = Average(self.G, spec.training.ema)
        self.G_ema = self.average.net  # G as it is sampled
        torch.manual_seed(int(np.random.SeedSequence([spec.seed, 1]).generate_state(1)[0]))

    @property
    def mode(self) -> str:
        """How the next update runs: "eager" or "CUDA graph", with "compiled" before it if G and D are compiled."""
        return f"{'compiled ' * self.networks.is_compiled}{self.graphed_step.mode}"

    @property
    def reasons(self) -> list[str]:
        """Sentences that say why updates are slower than they could be; usually none."""
        graph, compiling = self.graphed_step.reason, self.networks.reason
        said = [f"updates run eagerly: {graph}"] if graph else []
        return said + ([f"G and D are not compiled: {compiling}"] if compiling else [])

    def step(self) -> dict[str, Tensor]:
        """One generator update: n_dis steps of D, one of G. Returns the logs, without synchronising a GPU."""
        with self.context.on_stream():
            numbers = self.advance().clone()
        self.context.join()
        return dict(zip(self.log_names, numbers.unbind(), strict=True))

    def advance(self) -> Tensor:
        """One update like :meth:`step`, to be called inside ``context.on_stream()``, without the overhead of a copy.

        Returns the logged numbers in the order of ``log_names``, float32; the next call overwrites them.
        """
        return self.networks.attempt(self._advance, self.graphed_step, self)

    def _advance(self) -> Tensor:
        if self.spec.training.lr_decay_from is not None:
            now = learning_rates(self.spec, self.total_steps, self.steps)
            for optimizer, rate in zip((self.opt_d, self.opt_g), now, strict=True):
                optimizer.set_lr(float(rate))
        if self.steps == 0:
            self._pretrain_d()
        self.batches.load()
        numbers = self.graphed_step()
        self.steps += 1
        return numbers

    def _pretrain_d(self) -> None:
        for _ in range(self.spec.training.pretrain_d or 0):
            self.batches.load()
            with self.context.random():
                self._update_d()

    def _update(self) -> Tensor:
        """One update, from the indices of the real images to the numbers to log.

        There is no host-device synchronisation, so it can be captured in a CUDA graph.
        """
        training = self.spec.training
        real, reused, d_loss, d_logs, d_norm = self._update_d()
        with frozen(self.d_parameters):
            with self._autocast():
                fake = self._generate(training.batch_size_g or len(real.images)) if reused is None else reused
                g_loss, g_logs = self.method.g_loss(self.networks.D, fake, real)
            g_norm = self._optimizer_step(self.opt_g, g_loss)
        logs = {**d_logs, **g_logs, **self.method.after_step()}
        self.average.update()
        losses = {"d_loss": d_loss.detach(), "g_loss": g_loss.detach()}
        logs = {**losses, **logs, "grad_norm_d": d_norm, "grad_norm_g": g_norm}
        self.log_names = list(logs)
        return torch.stack([full_precision(value) for value in logs.values()])

    def _update_d(self) -> tuple[Batch, Batch | None, Tensor, Logs, Tensor]:
        """The ``n_dis`` steps of D. Returns of the last one: the real batch, the fakes, loss, logs and gradient norm.

        The fakes are None unless G's step uses them (``reuse_fake``); then they have G's graph.
        """
        reused: Batch | None = None
        for slot in range(num_steps := self.spec.optimizer.n_dis):
            real = self.batches.batch(slot)
            reuse = self.spec.training.reuse_fake and slot == num_steps - 1
            with self._autocast():
                with torch.set_grad_enabled(reuse):
                    fake = self._generate(len(real.images))
                if reuse:
                    reused, fake = fake, Batch(fake.images.detach(), fake.labels)
                d_loss, d_logs = self.method.d_loss(self.networks.D, real, fake)
            d_norm = self._optimizer_step(self.opt_d, d_loss)
            with torch.no_grad():
                self.method.after_d_step(self.D)
        return real, reused, d_loss, d_logs, d_norm

    def _optimizer_step(self, optimizer: Optimizer, loss: Tensor) -> Tensor:
        """One step of an optimizer; returns the norm of the gradient."""
        for parameter in optimizer.parameters:
            parameter.grad = None
        loss.backward()
        optimizer.step()
        gradients = [p.grad for p in optimizer.parameters if p.grad is not None]
        return torch.stack(torch._foreach_norm(gradients)).norm()

    def _autocast(self) -> torch.autocast:
        # Without the cache, each use of a weight is cast on its own, so its gradients are summed in float32.
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.spec.training.precision == "bf16", cache_enabled=False
        )

    def _generate(self, batch_size: int) -> Batch:
        """A batch of fakes from fresh latents, and fresh labels in a class-conditional run."""
        nets = self.spec.nets
        z = training_latents(batch_size, nets.z_dim, nets.z_law, self.device)  # (N, z_dim)
        labels = None if self._label_edges is None else training_labels(batch_size, self._label_edges)  # (N,)
        return Batch(self.networks.G(z, labels), labels)

    def sampled_weights(self) -> dict[str, Tensor]:
        """The weights that snapshots hold: G's, or their average."""
        return (self.G if self.spec.training.ema is None else self.G_ema).state_dict()

    @torch.no_grad()
    def fixed_samples(self) -> Tensor:
        """Images of the same latents in every run, uint8 (N, H, W, C) on the device; grey for non-finite pixels.

        N is 64, or 8 per class in a class-conditional run (see :func:`sngan_repro.nets.sampling.generate_grid`).
        """
        self.G_ema.load_state_dict(self.sampled_weights())
        return generate_grid(self.G_ema, self.spec.nets, GRID_SEED, self.device, self.label_law)

    def weights_are_finite(self) -> Tensor:
        """bool () on the device: True if all weights and running statistics are finite."""
        tensors = [*self.G.state_dict().values(), *self.D.state_dict().values(), *self.sampled_weights().values()]
        largest = torch._foreach_norm([t for t in tensors if t.is_floating_point()], float("inf"))
        return torch.stack(largest).isfinite().all()

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on."""
        return {
            "steps": self.steps,
            "position": self.batches.position,
            "G": self.G.state_dict(),
            "D": self.D.state_dict(),
            "G_ema": self.G_ema.state_dict(),
            "opt_d": self.opt_d.state_dict(),
            "opt_g": self.opt_g.state_dict(),
            "method": dict(self.method.state),
            "random": self.context.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        self.steps, self.batches.position = state["steps"], state["position"]
        for name in ("G", "D", "G_ema"):
            getattr(self, name).load_state_dict(state[name])
        self.opt_d.load_state_dict(state["opt_d"])
        self.opt_g.load_state_dict(state["opt_g"])
        for name, value in state["method"].items():
            self.method.state[name].copy_(value)
        self.context.load(state["random"])
