"""Heavy modules, imported at their first use.

Method files must be importable without torch, because the Snakefile and ``sngan-repro methods`` list methods and
check their options, and every job parses the Snakefile again. So a method file writes

    from sngan_repro.lazy import losses, nets, penalties, torch

and uses the names inside its functions as if they had been imported plainly. Files of scores, evaluators and networks
do the same, with ``np`` for numpy. A file that imports torch itself works too; it only makes listing slower.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any


class LazyModule:
    """Stands for a module; the first attribute access imports it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)

    def __repr__(self) -> str:
        return f"<lazy module {self._name}>"


if TYPE_CHECKING:
    import numpy as np
    import torch as torch

    from sngan_repro import losses as losses
    from sngan_repro import nets as nets
    from sngan_repro import penalties as penalties
else:
    np = LazyModule("numpy")
    torch = LazyModule("torch")
    losses = LazyModule("sngan_repro.losses")
    nets = LazyModule("sngan_repro.nets")
    penalties = LazyModule("sngan_repro.penalties")
