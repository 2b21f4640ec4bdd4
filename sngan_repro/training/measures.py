"""What D does, measured at intervals: its outputs, its input gradients, its loss on training and held-out images.

Measurements draw from generators of their own and leave all buffers as they were, so that a run gives the same
numbers with and without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData, Split
from sngan_repro.nets.interface import Batch
from sngan_repro.nets.latents import class_labels, kept_latents
from sngan_repro.nets.weights import normalisers_of, spectral_norms, weighted_layers
from sngan_repro.training.batches import ResidentBatches
from sngan_repro.training.trainer import Trainer

OUTPUTS_SEED, CRITIC_SEED = 20180218, 20180219
"""Of the latents and labels of the measurements; the same in every run."""


@contextmanager
def undisturbed(net: nn.Module) -> Iterator[None]:
    """In the block, no power iteration is made; after it, the buffers of ``net`` are those before it."""
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    normalisers = [normaliser for _, layer in weighted_layers(net) for normaliser in normalisers_of(layer)]
    modes = [normaliser.training for normaliser in normalisers]
    for normaliser in normalisers:
        normaliser.eval()
    try:
        yield
    finally:
        for normaliser, training in zip(normalisers, modes, strict=True):
            normaliser.train(training)
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


class Measures:
    """The measurements of one run, every ``every`` updates: a dictionary of columns of the log.

    The networks are used as in a step of D: D and G in training mode, so batch norm has the statistics of a batch.
    All computations are in float32, also under bf16. A D without one logit per image, such as an autoencoder, has
    spectral norms only. Raises ConfigError if the critic loss is asked for and there are no held-out images.
    """

    def __init__(self, trainer: Trainer, data: PreparedData) -> None:
        self.trainer, self.data = trainer, data
        spec = trainer.spec
        self.every = spec.training.spectral_every or max(1, trainer.total_steps // 20)
        self.num_critic = spec.training.critic_loss_images
        if self.num_critic is not None and data.num("test") == 0:
            raise ConfigError(
                f"{spec.name}: `training: {{critic_loss_images: {self.num_critic}}}` needs held-out images, and the "
                f"dataset '{spec.data.source}' has none; set its `test_fraction`, or remove `critic_loss_images`"
            )
        self._before: dict[str, float] = {}
        self._fake: Batch | None = None
        self._critic: dict[Split, Batch] = {}

    def before(self) -> None:
        """Measure D's outputs before the next update, if a measurement is due after it. Synchronises with the device.

        d/accuracy_real, d/accuracy_fake: shares of real images with f > 0, of generated ones with f < 0.
        d/sigmoid_real, d/sigmoid_fake: means of the sigmoid of f. d/input_gradient_mean, _p99, _max: of the norm of
        the gradient of f by a real image, over a batch. d/interpolated_gradient_mean: the same between real and
        generated images, where a gradient penalty is taken. All on one batch of random training images, and one of G.
        """
        self._before, self._fake = {}, None
        if (self.trainer.steps + 1) % self.every:
            return
        with self._undisturbed():
            real = self._real()
            images = real.images
            found = self._gradient_norms(real)
            if found is None:
                return
            logits, norms = found
            with torch.no_grad():
                self._fake = self._generate(OUTPUTS_SEED, self.trainer.steps * len(images), len(images))
                f_real, f_fake = logits.detach().double(), self._fake_logits()
            self._before = {
                "d/accuracy_real": float((f_real > 0).double().mean()),
                "d/accuracy_fake": float((f_fake < 0).double().mean()),
                "d/sigmoid_real": float(f_real.sigmoid().mean()),
                "d/sigmoid_fake": float(f_fake.sigmoid().mean()),
                "d/input_gradient_mean": float(norms.mean()),
                "d/input_gradient_p99": float(norms.quantile(0.99)),
                "d/input_gradient_max": float(norms.max()),
            }
            between = self._gradient_norms(self._between(real, self._fake))
            assert between is not None
            self._before["d/interpolated_gradient_mean"] = float(between[1].mean())

    def _gradient_norms(self, batch: Batch) -> tuple[Tensor, Tensor] | None:
        """(f of each image (N,), the norm of its gradient by the image (N,), float64); None if D has no such output."""
        images = batch.images.detach().requires_grad_(True)
        logits = self._logits(Batch(images, batch.labels))
        if logits is None:
            return None
        (gradient,) = torch.autograd.grad(logits.sum(), images)
        return logits, gradient.flatten(1).double().norm(dim=1)

    def _between(self, real: Batch, fake: Batch) -> Batch:
        """Images at random places between real and generated ones, with the labels of the real ones."""
        random = np.random.default_rng([self.trainer.spec.seed, self.trainer.steps, CRITIC_SEED])
        places = torch.from_numpy(random.random((len(real.images), 1, 1, 1), dtype=np.float32)).to(real.images.device)
        return Batch(real.images + places * (fake.images - real.images), real.labels)

    @torch.no_grad()
    def after(self) -> dict[str, float] | None:
        """The columns of the update just made, or None if none are due.

        d/sigmoid_fake_after: like d/sigmoid_fake, on the same images, after D's steps of this update. spectral/<layer>:
        the spectral norm of the weight that a layer of D computes with. critic_loss/train, critic_loss/held_out: the
        mean of f on generated images minus that on real ones (Arjovsky et al. 2017, eq. 2; Miyato et al. 2018,
        Figure 15), the generated ones being the same.
        """
        if self.trainer.steps % self.every:
            return None
        columns = dict(self._before)
        with self._undisturbed():
            if self._fake is not None:
                columns["d/sigmoid_fake_after"] = float(self._fake_logits().sigmoid().mean())
                if self.num_critic is not None:
                    columns |= self._critic_losses(self.num_critic)
            norms = spectral_norms(self.trainer.D)
        self._fake = None
        return columns | {f"spectral/{name}": value for name, value in norms.items()}

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self.trainer.context.alone())
            stack.enter_context(undisturbed(self.trainer.G))
            stack.enter_context(undisturbed(self.trainer.D))
            yield

    def _logits(self, batch: Batch) -> Tensor | None:
        """f of each image, (N,); None if D has no such output."""
        logits = getattr(self.trainer.D(*batch), "logits", None)
        return logits if logits is not None and logits.dim() == 1 else None

    def _fake_logits(self) -> Tensor:
        assert self._fake is not None
        logits = self._logits(self._fake)
        assert logits is not None
        return logits.double()

    def _real(self) -> Batch:
        """A batch of random training images, chosen by the run's seed and the update."""
        trainer, rows = self.trainer, self.trainer.rows
        random = np.random.default_rng([trainer.spec.seed, trainer.steps, OUTPUTS_SEED])
        size = min(len(rows), trainer.spec.training.batch_size)
        return self._images("train", rows[random.choice(len(rows), size, replace=False)])

    def _images(self, split: Split, rows: np.ndarray) -> Batch:
        """Images of a split by their numbers, scaled like those of the training."""
        rows, labels = np.sort(rows), self.data.labels(split) if self.trainer.label_law else None
        device = self.trainer.device
        chosen = None if labels is None else labels[rows]
        batches = ResidentBatches(self.data.images(split)[rows], len(rows), 0, device, chosen)
        return batches.batch_of(torch.arange(len(rows), device=device))

    def _generate(self, seed: int, start: int, count: int) -> Batch:
        trainer, nets = self.trainer, self.trainer.spec.nets
        z = kept_latents(count, nets.z_dim, nets.z_law, seed, start).to(trainer.device)  # (N, z_dim)
        law = trainer.label_law
        labels = None if law is None else class_labels(count, law, seed, start).to(trainer.device)
        return Batch(trainer.G(z, labels), labels)

    def _critic_losses(self, most: int) -> dict[str, float]:
        """The critic loss on at most so many images of each split; in each run and at each update the same ones."""
        if not self._critic:
            for split in ("train", "test"):
                rows = self.trainer.rows if split == "train" else np.arange(self.data.num(split))
                order = np.random.default_rng(CRITIC_SEED).permutation(len(rows))
                self._critic[split] = self._images(split, rows[order[:most]])
        size = self.trainer.spec.training.batch_size
        num_fake = max(len(batch.images) for batch in self._critic.values())
        fakes = [self._generate(CRITIC_SEED, start, min(size, num_fake - start)) for start in range(0, num_fake, size)]
        fake = self._mean_logit(fakes)
        real = {split: self._mean_logit(_parts(batch, size)) for split, batch in self._critic.items()}
        return {"critic_loss/train": fake - real["train"], "critic_loss/held_out": fake - real["test"]}

    def _mean_logit(self, parts: list[Batch]) -> float:
        """The mean of f over all images of the parts."""
        found = [logits for part in parts if (logits := self._logits(part)) is not None]
        return float(torch.cat(found).double().mean())


def _parts(batch: Batch, size: int) -> list[Batch]:
    """Consecutive parts of at most ``size`` images, since batch norm has the statistics of a part."""
    images = batch.images.split(size)
    labels = [None] * len(images) if batch.labels is None else batch.labels.split(size)
    return [Batch(part, label) for part, label in zip(images, labels, strict=True)]
