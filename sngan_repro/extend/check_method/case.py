"""The method that is checked: its networks, its calls in one update, and the lines of its files."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.specs import NetsSpec, RunSpec
from sngan_repro.core import plugins
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import METHODS, Method, MethodOptions
from sngan_repro.nets.interface import Batch, ImageSpec
from sngan_repro.study.entries import options_of, setting_of
from sngan_repro.training.trainer import Trainer

SIZES = ((16, 1), (28, 1), (32, 3), (48, 3))
"""(pixels, channels) of the images that a method must accept."""
NETS = NetsSpec(width=4, z_dim=8)
SETTING = OptimizerSpec(lr=2e-4, n_dis=2)
BATCH = 6
NUM_CLASSES = 3
"""Of the images that a class-conditional method is tried with."""


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    check: str
    """A statement that should be true."""
    state: Literal["passed", "failed", "not tried"]
    found: str = ""
    needed: str = ""
    where: str = ""
    """The line in the method's file that causes it, if one is known."""

    @property
    def failed(self) -> bool:
        return self.state == "failed"

    def __str__(self) -> str:
        lines = [f"{self.state}: {self.check}"]
        for word, text in (("found", self.found), ("needed", self.needed), ("where", self.where)):
            lines += [f"    {word + ':':<8}{text}"] if text else []
        return "\n".join(lines)


class Failure(Exception):
    """A failed check. function: of the method, in which the cause is. line: the line, if it is known already."""

    def __init__(self, found: str, needed: str, function: str = "", line: str = "") -> None:
        super().__init__(found)
        self.found, self.needed, self.function, self.line = found, needed, function, line


Check = tuple[str, Callable[["Case"], None]]
"""(a statement that should be true, a function that raises Failure, or an error of the method, if it is not)."""


@dataclass(frozen=True)
class Case:
    """A method with options, and the sizes and the device that it is tried with."""

    name: str
    method: type[Method]
    options: MethodOptions
    sizes: tuple[tuple[int, int], ...]
    device: torch.device
    setting: OptimizerSpec

    @classmethod
    def of(
        cls,
        name: str,
        options: Mapping[str, Any],
        sizes: Sequence[tuple[int, int]],
        device: str,
        setting: Mapping[str, Any],
    ) -> Case:
        """Raises ConfigError for an unknown method and for options or keys of the setting that do not suit it."""
        method = METHODS.get(name)
        complete = options_of(method, dict(options), name)
        optimizer = setting_of(SETTING, dict(setting), name)
        try:
            method.check(complete, optimizer)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error} (checked with {optimizer.to_json()}; give other keys)") from None
        return cls(name, method, complete, tuple(sizes), torch.device(device), optimizer)

    @property
    def images(self) -> list[ImageSpec]:
        """The images that the method is tried with; with classes for a method that needs them."""
        return [
            ImageSpec(channels, size, NUM_CLASSES if self.method.condition_d else None) for size, channels in self.sizes
        ]

    def run(self, check: Check) -> Finding:
        """The finding of one check. An error of any kind in the method's own code is a failure."""
        title, function = check
        try:
            function(self)
        except Failure as failure:
            return Finding(
                title, "failed", failure.found, failure.needed, failure.line or self.line_at(failure.function)
            )
        except Exception as error:
            found = f"{type(error).__name__}: {' '.join(str(error).split())}"
            needed = "that this works; the method's own code raised it"
            return Finding(title, "failed", found, needed, self.line_of(error))
        return Finding(title, "passed")

    def build(self, image: ImageSpec) -> tuple[Method, nn.Module, nn.Module]:
        """The method and its networks on the CPU, from a fixed random state."""
        seed(0)
        method = self.method(self.options, image, nets_for(self.method))
        G, D = method.build()
        return method, G, D

    def batch(self, image: ImageSpec, device: str = "cpu") -> Batch:
        """A batch of random images in [-1, 1), with labels if the images have classes."""
        labels = torch.arange(BATCH, device=device) % image.num_classes if image.num_classes else None
        return Batch(torch.rand(BATCH, *image.shape, device=device) * 2 - 1, labels)

    def update(
        self, method: Method, G: nn.Module, D: nn.Module, real: Batch
    ) -> Iterator[tuple[str, Callable[[], Any]]]:
        """The four functions that the loop calls in one update, in its order: (name, call without arguments)."""

        def fake() -> Batch:
            latents = torch.randn(BATCH, NETS.z_dim, device=real.images.device)
            return Batch(G(latents, real.labels), real.labels)

        yield "d_loss", lambda: method.d_loss(D, real, Batch(fake().images.detach(), real.labels))
        yield "after_d_step", lambda: torch.no_grad()(method.after_d_step)(D)
        trained = [parameter for parameter in D.parameters() if parameter.requires_grad]
        D.requires_grad_(False)
        yield "g_loss", lambda: method.g_loss(D, fake(), real)
        for parameter in trained:
            parameter.requires_grad_(True)
        yield "after_step", method.after_step

    def spec(self, size: int, nets: NetsSpec = NETS, **training: Any) -> RunSpec:
        """The specification of a run that belongs to no study."""
        parts = {
            "seed": 0,
            "data": {"source": "digits", "image_size": size},
            "method": {"name": self.name, "options": self.options.to_dict()},
            "nets": nets_for(self.method, nets).to_dict(),
            "optimizer": self.setting.to_dict(),
        }
        length = {"training": training, "budget": {"steps": 1_000_000}, "snapshots": {"count": 1}}
        return RunSpec.model_validate({**parts, **length})

    def trainer(self, device: torch.device | str = "cpu", image: ImageSpec | None = None, **training: Any) -> Trainer:
        """A trainer of a small run on random images, at the start. image: default: the first size."""
        channels, size, _ = image or self.images[0]
        images = np.random.default_rng(0).integers(0, 256, (40, size, size, channels), dtype=np.uint8)
        spec = self.spec(size, batch_size=BATCH, **training)
        return Trainer(spec, images, torch.device(device), labels=np.arange(40) % NUM_CLASSES)

    def line_of(self, error: BaseException) -> str:
        """The innermost line of the method's files on the way to an error, with its text.

        These are its own file, those that it imports from its folder, and those of its base classes.
        """
        bases = [base for base in self.method.__mro__ if issubclass(base, Method) and base is not Method]
        sources = [Path(source) for base in bases if (source := inspect.getsourcefile(base))]
        files = {str(path) for source in sources for path in plugins.sources(source)}
        line = plugins.line_in(error, lambda file: file in files or str(Path(file).resolve()) in files)
        if line is None:
            return ""
        file, number = line
        text = file.read_text(encoding="utf-8").splitlines()[number - 1].strip() if file.is_file() else ""
        return f"{plugins.shown(file)}, line {number}: {text}"

    def line_at(self, function: str) -> str:
        """The line at which one of the method's functions begins."""
        code = getattr(getattr(self.method, function, None), "__code__", None)
        return f"{plugins.shown(Path(code.co_filename))}, line {code.co_firstlineno}: `{function}`" if code else ""


def seed(number: int) -> None:
    """Seed torch's random numbers on the CPU only. ``torch.manual_seed`` also stores a call, with its stack, for each
    kind of device that is not in use yet. This takes 2 ms, and a check seeds thousands of times."""
    torch.default_generator.manual_seed(number)


def nets_for(method: type[Method], nets: NetsSpec = NETS) -> NetsSpec:
    """The networks that a method is tried with: class-conditional for a method that needs classes."""
    own = {"conditional": True, "condition_d": method.condition_d} if method.condition_d else {}
    return nets.model_copy(update=own)


def listed(names: list[str]) -> str:
    """The first names in backquotes, and the number of the others."""
    return ", ".join(f"`{name}`" for name in names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def kind(value: Any) -> str:
    """The kind of a value, in words."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of the shape {tuple(value.shape)} {'with' if value.requires_grad else 'without'} gradient"
    if isinstance(value, tuple):
        return f"({', '.join(map(kind, value))})"
    return "nothing" if value is None else f"a {type(value).__name__}"
