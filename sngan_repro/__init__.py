"""sngan-repro: a reproducibility-study pipeline for GANs.

    import sngan_repro as sr

    results = sr.read_results("quick")
    G = sr.load_generator("results/quick/runs/.../snapshots/00000400.safetensors")

The names in ``__init__.pyi`` are imported at their first use (docs/library.md): importing the package, its
configuration or its registries never imports torch; see :mod:`sngan_repro.core.lazy`.
"""

import lazy_loader

from sngan_repro.core.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
