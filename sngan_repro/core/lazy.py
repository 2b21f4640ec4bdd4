"""torch and numpy, imported at their first use.

The Snakefile and the listings import the files of methods, scores, evaluators and networks, and every job parses the
Snakefile again. Such a file writes

    from sngan_repro.core.lazy import torch

and uses ``torch`` inside its functions as if it had been imported plainly. A file that imports torch itself works too;
it only makes planning slower.
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
else:
    np = LazyModule("numpy")
    torch = LazyModule("torch")
