"""sngan-repro: a reproducibility-study pipeline for GANs.

Importing the package, its configuration or its registries never imports torch; see :mod:`sngan_repro.lazy`.
"""

__version__ = "0.1.0"
