"""sngan-repro: a reproducibility-study pipeline for GANs.

    import sngan_repro as sr

    results = sr.read_results("quick")
    G = sr.load_generator("results/quick/runs/.../snapshots/00000400.safetensors")

What is in ``__all__`` is imported at its first use (docs/library.md): importing the package, its configuration or its
registries never imports torch; see :mod:`sngan_repro.core.lazy`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sngan_repro.core.version import __version__ as __version__

if TYPE_CHECKING:
    from sngan_repro.api.data import prepare_dataset as prepare_dataset
    from sngan_repro.api.generators import grid as grid
    from sngan_repro.api.generators import load_generator as load_generator
    from sngan_repro.api.results import read_results as read_results
    from sngan_repro.api.scoring import score_images as score_images
    from sngan_repro.api.training import run_spec as run_spec
    from sngan_repro.api.training import train_run as train_run
    from sngan_repro.core.schema import ConfigError as ConfigError
    from sngan_repro.data.arrays import read_images as read_images
    from sngan_repro.study.load import load_study as load_study


_WHERE = {
    "ConfigError": "core.schema",
    "grid": "api.generators",
    "load_generator": "api.generators",
    "load_study": "study.load",
    "prepare_dataset": "api.data",
    "read_images": "data.arrays",
    "read_results": "api.results",
    "run_spec": "api.training",
    "score_images": "api.scoring",
    "train_run": "api.training",
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
