"""``torch.compile`` of G and D in updates: when it pays, how state stays outside, and what happens where it fails.

Importing this module does not import PyTorch's compiler, which takes seconds; a job that compiles imports it.
"""

from __future__ import annotations

import copy
import importlib.util
import os
import shutil
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sngan_repro.nets.weights import spectral_norms_of, weighted_layers
from sngan_repro.training.cuda_graph import EAGER_CALLS, GraphedStep
from sngan_repro.training.options import CompileMode
from sngan_repro.training.writer import HostCopy

FROM_UPDATES = 25_000
"""``auto`` compiles runs of at least so many updates. Compiling takes up to 12 s at a start, and 450 updates/s become
600 (docs/performance.md). So a run of 12 / (1/450 - 1/600) = 21,600 updates gains nothing."""
BACKEND = "inductor"
VARIANTS = 128
"""Of the code of one network in a process. Each has a few (D's step and G's step, real and generated images), and runs
that train together may have other sizes; runs of the same sizes share them. PyTorch's own limit is 8."""
FIRST_CALLS = EAGER_CALLS + 1
"""In these calls networks are compiled and the CUDA graph is captured, so in these it can fail."""


def why_not(mode: CompileMode, device: torch.device, total_steps: int) -> str | None:
    """None if the networks of a run are compiled, else the reason. An empty reason needs no message."""
    if mode == "never" or (mode == "auto" and (device.type != "cuda" or total_steps < FROM_UPDATES)):
        return ""
    if not any(shutil.which(name) for name in (os.environ.get("CC"), "gcc", "clang") if name):
        return "no C compiler (gcc or clang) was found"
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "the package triton was not found"
    return None


class CompiledNetwork:
    """A network whose pass is compiled, except for its weight normalisers.

    The normalisers run before the compiled code, which gets their weights as inputs. So power iterations change their
    vectors outside of it. Parameters and buffers are those of ``net``; so are all attributes.
    """

    def __init__(self, net: nn.Module) -> None:
        self._net = net
        shared = {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())}
        plain = copy.deepcopy(net, shared)  # other modules, with the same tensors
        if together := spectral_norms_of(plain):
            together.remove()
        self._weights: list[tuple[Any, Any]] = []
        for (_, layer), (_, without) in zip(weighted_layers(net), weighted_layers(plain), strict=True):
            if parametrize.is_parametrized(layer, "weight"):
                without.__class__ = parametrize.type_before_parametrizations(layer)
                del without.parametrizations
                self._weights.append((layer, without))
        # Dropout then draws the numbers that it draws without compiling.
        options: Any = {"fallback_random": True} if BACKEND == "inductor" else None
        # fullgraph: a network that cannot be compiled as a whole is an error, and is then not compiled at all.
        self._pass = torch.compile(plain, backend=BACKEND, dynamic=False, fullgraph=True, options=options)

    def __call__(self, *given: Any) -> Any:
        if together := spectral_norms_of(self._net):
            together.normalise()
        for layer, without in self._weights:
            without.weight = layer.weight
        return self._pass(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._net, name)


class UpdateNetworks:
    """G and D as an update calls them: compiled, or the networks themselves.

    reason: see :func:`why_not`; None compiles them. The attribute ``reason`` is to be printed: that reason, or the
    error for which compiling was given up. It is empty if there is nothing to print.
    """

    def __init__(self, G: nn.Module, D: nn.Module, reason: str | None) -> None:
        self._eager = (G, D)
        self.G: Any = G
        self.D: Any = D
        self.is_compiled, self.reason = reason is None, reason or ""
        self._calls = 0
        if self.is_compiled:
            try:
                import torch._dynamo

                torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, VARIANTS)
                self.G, self.D = CompiledNetwork(G), CompiledNetwork(D)
            except Exception as error:
                self._give_up(error)

    def attempt(self, update: Callable[[], Tensor], step: GraphedStep, trainer: Any) -> Tensor:
        """Make an update. If compiling fails, make it again without, from the state before it.

        trainer: has ``state()`` and ``load(state)``. step: it is started again, so a graph is captured all the same.
        """
        if not self.is_compiled or self._calls >= FIRST_CALLS:
            return update()
        before, reason = HostCopy(trainer.state()).get(), step.reason
        try:
            numbers = update()
            if step.reason != reason:
                raise RuntimeError(step.reason)
        except Exception as error:
            self._give_up(error)
            step.restart()
            trainer.load(before)
            return update()
        self._calls += 1
        return numbers

    def _give_up(self, error: Exception) -> None:
        (self.G, self.D), self.is_compiled = self._eager, False
        first_line = str(error).strip().partition("\n")[0]
        self.reason = f"{type(error).__name__}: {first_line}"
