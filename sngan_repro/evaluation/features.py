"""Features and logits of images, and a cache of the statistics computed from them.

Importing this file imports neither torch nor numpy, so the files of the scores may import it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sngan_repro.core import runtime
from sngan_repro.core.lazy import np, torch
from sngan_repro.core.progress import progress_bar

if TYPE_CHECKING:
    from torch import Tensor

Features: TypeAlias = "dict[str, np.ndarray]"
"""``features`` (N, D) and ``logits`` (N, C), float32; and ``labels``, int64 (N,), of images with classes."""
Extractor: TypeAlias = "Callable[[Tensor], tuple[Tensor, Tensor]]"
"""uint8 (N, 3, H, W) -> features (N, D), logits (N, C)"""

GPU_BATCHES = 16
"""A batch on a GPU is this many times larger than on a CPU: 4096 images for the classifier, 256 for Inception."""

T = TypeVar("T")


class KeptFeatures(dict[str, "np.ndarray"]):
    """Features of real images that many sets of samples are compared with.

    Statistics computed from them are kept by :func:`memoize`. device: scores with these features are computed there.
    radii: the value of ``squared_radii`` (see :mod:`sngan_repro.evaluation.scores.precision_recall`), (N,), if known.
    """

    def __init__(self, features: Features, device: torch.device | str = "cpu", radii: np.ndarray | None = None) -> None:
        super().__init__(features)
        self.device = torch.device(device)
        self.kept: dict[Hashable, Any] = {} if radii is None else {"radii": radii}


def memoize(features: Features, key: Hashable, make: Callable[[], T]) -> T:
    """``make()``; for :class:`KeptFeatures` it is called once for each ``key`` and its value is kept."""
    if not isinstance(features, KeptFeatures):
        return make()
    if key not in features.kept:
        features.kept[key] = make()
    return features.kept[key]


def device_of(features: Features) -> torch.device:
    """The device of :class:`KeptFeatures`, else the CPU."""
    return features.device if isinstance(features, KeptFeatures) else torch.device("cpu")


def values_on(features: Features, device: torch.device) -> Tensor:
    """The features (N, D) as a tensor on a device, kept by :func:`memoize`. The caller must not change it in place."""
    return memoize(features, "values", lambda: torch.from_numpy(np.ascontiguousarray(features["features"])).to(device))


def as_input(images: Tensor) -> Tensor:
    """uint8 (N, H, W, C) -> uint8 (N, 3, H, W), the input of an evaluator. A grey channel is repeated three times."""
    return images.permute(0, 3, 1, 2).expand(-1, 3, -1, -1)


def extract(
    extractor: Extractor, images: np.ndarray | Tensor, batch_size: int, device: torch.device | str = "cpu"
) -> Features:
    """Features and logits of uint8 images (N, H, W, C), grey or RGB, computed on ``device``.

    batch_size: images per pass on a CPU; a GPU gets GPU_BATCHES times as many. It changes rounding only (relative
    difference below 1e-6). TF32 is off: it would change the third digit of the FID.
    """
    device = torch.device(device)
    if device.type == "cuda":
        batch_size *= GPU_BATCHES
    features, logits = [], []
    with runtime.repeatable(), torch.no_grad(), progress_bar(len(images), "features", "image") as bar:
        for first in range(0, max(len(images), 1), batch_size):
            batch = images[first : first + batch_size]
            if isinstance(batch, np.ndarray):
                batch = torch.from_numpy(np.array(batch))
            if len(images) == 0:  # one black image gives the dimensions; its row is removed below
                batch = torch.zeros((1, *images.shape[1:]), dtype=torch.uint8)
            found = extractor(as_input(batch.to(device)))
            features.append(found[0].float())
            logits.append(found[1].float())
            bar.update(len(batch))
    together = {"features": torch.cat(features), "logits": torch.cat(logits)}
    return {name: values[: len(images)].cpu().numpy() for name, values in together.items()}
