"""The network of the evaluator ``classifier``: a small one trained on the real images of the study's own dataset.

Inception was trained on photographs of 299 pixels; for digits and other small grey images a network that knows the
data is more reliable, and it needs no download. Its scores can be compared only with scores of the same evaluator
(the digest of its weights is part of every record).
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sngan_repro.config.specs import EvaluatorSpec
from sngan_repro.core.files import atomic_path
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.features import as_input

WEIGHT_DECAY = 0.01


class Classifier(nn.Module):
    """uint8 images (N, 3, H, W) -> (features (N, feature_dim), logits (N, num_classes)), both float32.

    Stages of [convolution 3x3, batch norm, ReLU, max pooling 2x2] until the maps are 2 or 3 pixels wide (three stages
    for 16 pixels, six for 128). Then a dense layer with batch norm and ReLU gives the features, and a dense layer gives
    the logits. The input has the form that torch-fidelity uses: grey images are repeated over three channels. They are
    averaged to one channel here. Batch norm before the features keeps their scale similar from dataset to dataset.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], num_classes: int, width: int = 32, feature_dim: int = 64
    ) -> None:
        """image_shape: (C, H, W). width: channels of the first stage. Each stage doubles them, up to 4 * width."""
        super().__init__()
        self.architecture = {
            "image_shape": list(image_shape),
            "num_classes": num_classes,
            "width": width,
            "feature_dim": feature_dim,
        }
        self.channels, size, _ = image_shape
        stages: list[nn.Module] = []
        inner, outer = self.channels, width
        while size >= 4:
            stages += [nn.Conv2d(inner, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(), nn.MaxPool2d(2)]
            size //= 2
            inner, outer = outer, min(outer * 2, width * 4)
        self.stages = nn.Sequential(*stages)
        self.to_features = nn.Sequential(
            nn.Linear(inner * size * size, feature_dim, bias=False), nn.BatchNorm1d(feature_dim), nn.ReLU()
        )
        self.to_logits = nn.Linear(feature_dim, num_classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        expected = [3, *self.architecture["image_shape"][1:]]  # type: ignore[index]
        if images.dtype != torch.uint8 or list(images.shape[1:]) != expected:
            raise ValueError(f"expected uint8 images (N, {expected}), found {images.dtype} {tuple(images.shape)}")
        x = images.float()  # (N, 3, H, W)
        if self.channels == 1:
            x = x.mean(dim=1, keepdim=True)  # (N, 1, H, W)
        x = (x / 127.5 - 1).contiguous(memory_format=torch.channels_last)  # (N, C, H, W) in [-1, 1]
        x = self.stages(x)  # (N, outer, s, s), s = 2 or 3
        features = self.to_features(x.flatten(1))  # (N, feature_dim)
        return features, self.to_logits(features)  # (N, feature_dim), (N, num_classes)


def train_classifier(
    images: Tensor, labels: Tensor, num_classes: int, options: EvaluatorSpec, device: torch.device | str = "cpu"
) -> Classifier:
    """Train on uint8 images (N, H, W, C) and int64 labels (N,) with cross-entropy; returns the net in evaluation mode.

    The optimizer is AdamW with a one-cycle learning rate; its maximum is 2 * ``options.lr``. The only augmentation is a
    shift by up to 1 pixel in each direction (2 for images of 32 pixels and more). Flips are not used: they would change
    digits. Initial weights, order and shifts depend on ``options.seed`` alone. The global random state is not changed.
    """
    num, height, width, channels = images.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        net = Classifier((channels, height, width), num_classes, options.width, options.feature_dim)
    net.to(device).train()
    images, labels = images.to(device), labels.to(device)
    generator = torch.Generator().manual_seed(options.seed)
    batch_size = min(options.batch_size, num)
    total = options.epochs * (num // batch_size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.lr, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2 * options.lr, total_steps=total)
    for _ in range(options.epochs):
        order = torch.randperm(num, generator=generator)
        for batch in order[: num // batch_size * batch_size].split(batch_size):
            chosen = batch.to(device)
            _, logits = net(as_input(shift(images[chosen], 1 if height < 32 else 2, generator)))
            loss = F.cross_entropy(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def shift(images: Tensor, largest: int, generator: torch.Generator) -> Tensor:
    """Shift each image (N, H, W, C) by its own whole number of pixels in [-largest, largest] in each direction.

    The border is repeated. The random numbers are drawn on the CPU, so they are the same on every device.
    """
    num, height, width, _ = images.shape
    offsets = torch.randint(-largest, largest + 1, (2, num, 1), generator=generator)
    rows = (torch.arange(height) + offsets[0]).clamp(0, height - 1).to(images.device)  # (N, H)
    columns = (torch.arange(width) + offsets[1]).clamp(0, width - 1).to(images.device)  # (N, W)
    each = torch.arange(num, device=images.device)
    return images[each[:, None, None], rows[:, :, None], columns[:, None, :]]


@torch.no_grad()
def accuracy(logits: Tensor, labels: Tensor) -> float | None:
    """Share of the labelled images (label >= 0) whose largest logit is their class; None without labelled images."""
    labelled = labels >= 0
    if not labelled.any():
        return None
    return (logits.argmax(dim=1) == labels)[labelled].float().mean().item()


def save_classifier(net: Classifier, path: Path) -> None:
    """Write weights and architecture as safetensors, atomically; equal weights give equal bytes."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    # One metadata entry only: safetensors writes several in an order that changes from process to process.
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"architecture": json.dumps(net.architecture, sort_keys=True)})


def load_classifier(path: Path, device: torch.device | str = "cpu") -> Classifier:
    """A classifier written by :func:`save_classifier`, in evaluation mode, not trainable."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            architecture = json.loads((file.metadata() or {})["architecture"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, KeyError) as error:
        raise ConfigError(f"{path}: not a readable classifier ({error}); remove its folder to train it anew") from None
    with torch.random.fork_rng(devices=[]):
        net = Classifier(**architecture)
    net.load_state_dict(weights)
    return net.to(device).eval().requires_grad_(False)
