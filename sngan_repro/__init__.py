"""sngan-repro: a reproducibility-study pipeline for GANs.

    import sngan_repro as sr

    results = sr.read_results("quick")
    G = sr.load_generator("results/quick/runs/.../snapshots/00000400.safetensors")

What is in ``__all__`` is imported at its first use (docs/library.md): importing the package, its configuration or its
registries never imports torch; see :mod:`sngan_repro.lazy`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sngan_repro.config import ConfigError as ConfigError
    from sngan_repro.library.data import prepare_dataset as prepare_dataset
    from sngan_repro.library.data import read_images as read_images
    from sngan_repro.library.generators import grid as grid
    from sngan_repro.library.generators import load_generator as load_generator
    from sngan_repro.library.results import read_results as read_results
    from sngan_repro.library.scoring import score_images as score_images
    from sngan_repro.library.training import run_spec as run_spec
    from sngan_repro.library.training import train_run as train_run
    from sngan_repro.study import load_study as load_study

__version__ = "0.1.0"

_WHERE = {
    "ConfigError": "config",
    "grid": "library.generators",
    "load_generator": "library.generators",
    "load_study": "study",
    "prepare_dataset": "library.data",
    "read_images": "library.data",
    "read_results": "library.results",
    "run_spec": "library.training",
    "score_images": "library.scoring",
    "train_run": "library.training",
}
__all__ = [
    "ConfigError",
    "grid",
    "load_generator",
    "load_study",
    "prepare_dataset",
    "read_images",
    "read_results",
    "run_spec",
    "score_images",
    "train_run",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
