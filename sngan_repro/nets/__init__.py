"""Networks shared by all methods, their weight and activation normalisers, latents, sampling and snapshots.

The names in ``__init__.pyi`` are imported at their first use, so that :mod:`sngan_repro.nets.families` is listed
without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
