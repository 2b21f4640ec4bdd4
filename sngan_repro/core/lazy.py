"""torch and numpy, imported at their first use.

The Snakefile and the listings import the files of methods, scores, evaluators and networks, and each job parses the
Snakefile again. Such a file begins with

    from sngan_repro.core.lazy import torch

and uses ``torch`` inside its functions like the module itself. ``import torch`` works, too, but makes planning slower.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any


class LazyModule:
    """A module that is imported at the first access to an attribute."""

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
