"""Latent vectors and class labels: their laws, the draws of training and of sampling, and ways between two vectors."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sngan_repro.config.gallery import Way
from sngan_repro.core.schema import ConfigError


class Law(NamedTuple):
    """A law as raw random numbers, N(0, 1) or uniform on [0, 1), and what is made of them."""

    raw: Literal["normal", "uniform"]
    finish: Callable[[Tensor], Tensor]


LAWS = {
    "normal": Law("normal", lambda z: z),
    "uniform": Law("uniform", lambda z: z * 2 - 1),
    "uniform01": Law("uniform", lambda z: z),
}
"""NetsSpec.z_law -> its law: N(0, 1), uniform on [-1, 1), uniform on [0, 1)."""


def _law(name: str) -> Law:
    if name not in LAWS:
        raise ConfigError(f"nets: z_law: unknown law '{name}' (known: {', '.join(LAWS)})")
    return LAWS[name]


def training_latents(count: int, z_dim: int, law: str, device: torch.device | str) -> Tensor:
    """Fresh latents (count, z_dim), float32, from torch's global random state of the device."""
    draw = torch.randn if _law(law).raw == "normal" else torch.rand
    return _law(law).finish(draw((count, z_dim), device=device))


def latents(count: int, z_dim: int, law: str, seed: int, start: int = 0) -> Tensor:
    """Latent vectors number ``start`` to ``start + count - 1`` of a seed: (count, z_dim), float32, on the CPU.

    Every vector has its own random stream (Philox with the key (seed, index)), so vector i is the same whatever the
    batch size, the count or the device. law: a key of LAWS.
    """
    raw, finish = _law(law)
    z = np.empty((count, z_dim), dtype=np.float32)
    for row, index in enumerate(range(start, start + count)):
        stream = np.random.Generator(np.random.Philox(key=np.array([seed, index], dtype=np.uint64)))
        if raw == "normal":
            stream.standard_normal(dtype=np.float32, out=z[row])
        else:
            stream.random(dtype=np.float32, out=z[row])
    return finish(torch.from_numpy(z))


class LabelLaw(NamedTuple):
    """The law of the class labels of generated images."""

    shares: tuple[float, ...]
    """The probability of each class; they sum to 1."""

    @classmethod
    def of(cls, num_classes: int, labels: np.ndarray | None = None) -> LabelLaw:
        """All classes with equal probability, or with the shares of ``labels`` (int64 (N,), each at least 0)."""
        if labels is None:
            return cls((1 / num_classes,) * num_classes)
        counts = np.bincount(labels, minlength=num_classes)
        return cls(tuple((counts / counts.sum()).tolist()))

    def edges(self, device: torch.device | str) -> Tensor:
        """The inner edges of the classes' parts of [0, 1): float32 (num_classes - 1,)."""
        return torch.from_numpy(np.cumsum(self.shares)[:-1].astype(np.float32)).to(device)


def training_labels(count: int, edges: Tensor) -> Tensor:
    """Fresh labels, int64 (count,), from torch's global random state of the device of ``edges``.

    edges: :meth:`LabelLaw.edges`. There is no host-device synchronisation, so this can be captured in a CUDA graph.
    """
    return torch.bucketize(torch.rand(count, device=edges.device), edges, right=True)


def class_labels(count: int, law: LabelLaw, seed: int, start: int = 0) -> Tensor:
    """Labels number ``start`` to ``start + count - 1`` of a seed: int64 (count,), on the CPU.

    Label i has its own random stream, apart from that of latent vector i, and depends on the seed and i only.
    """
    edges = np.cumsum(law.shares)[:-1]
    found = np.empty(count, dtype=np.int64)
    for row, index in enumerate(range(start, start + count)):
        key, counter = np.array([seed, index], dtype=np.uint64), np.array([0, 0, 0, 1], dtype=np.uint64)
        found[row] = np.searchsorted(
            edges, np.random.Generator(np.random.Philox(key=key, counter=counter)).random(), "right"
        )
    return torch.from_numpy(found)


@lru_cache(maxsize=512)
def kept_latents(count: int, z_dim: int, law: str, seed: int, start: int) -> Tensor:
    """:func:`latents`, kept for the next snapshot, which is sampled with the same ones. Not to be changed in place.

    64,000 vectors in parts of 128; of 128 numbers each, they take 32 MB.
    """
    return latents(count, z_dim, law, seed, start)


def interpolate(a: Tensor, b: Tensor, steps: int, law: str, way: Way | None = None) -> Tensor:
    """Latents on the way from a to b, both included: (N, z_dim), (N, z_dim) -> (N, steps, z_dim).

    way: linear or spherical. Default: spherical for the normal law, whose vectors are all near one sphere, so that the
    way stays where G was trained (White 2016, arXiv:1609.04468), and linear for the uniform laws. A spherical way
    between (anti)parallel vectors is linear. Raises ConfigError for a spherical way under a uniform law.
    """
    uniform = _law(law).raw == "uniform"
    if uniform and way == "spherical":
        raise ConfigError(f"a spherical way is for normal latents, and these have `z_law: {law}`; use a linear one")
    t = torch.linspace(0, 1, steps, dtype=torch.float64, device=a.device).view(1, -1, 1)
    first, last = a.double().unsqueeze(1), b.double().unsqueeze(1)  # (N, 1, z_dim)
    linear = (1 - t) * first + t * last
    if uniform or way == "linear":
        return linear.to(a.dtype)
    cosine = torch.cosine_similarity(first, last, dim=2).clamp(-1, 1).unsqueeze(2)  # (N, 1, 1)
    angle, sine = cosine.acos(), cosine.acos().sin()
    safe = sine.clamp(min=1e-6)
    spherical = ((1 - t) * angle).sin() / safe * first + (t * angle).sin() / safe * last
    return torch.where(sine < 1e-6, linear, spherical).to(a.dtype)


def mixed_labels(a: Tensor, b: Tensor, steps: int, num_classes: int) -> Tensor:
    """Weights of the classes on the way from a to b, both included: int64 (N,), int64 (N,) -> (N, steps, num_classes).

    They sum to 1; a class-conditional G takes them in place of labels.
    """
    t = torch.linspace(0, 1, steps).view(1, -1, 1)
    one_hot = torch.eye(num_classes)
    return (1 - t) * one_hot[a].unsqueeze(1) + t * one_hot[b].unsqueeze(1)  # (N, steps, num_classes)
