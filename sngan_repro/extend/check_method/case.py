"""The method that is checked: its networks, its batches, its source lines, and the findings about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

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


def nets_for(method: type[Method], nets: NetsSpec = NETS) -> NetsSpec:
    """The networks that a method is tried with: class-conditional for a method that needs classes."""
    return (
        nets.model_copy(update={"conditional": True, "condition_d": method.condition_d}) if method.condition_d else nets
    )


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


Check = tuple[str, Callable[["Case"], Iterator[Failure]]]
"""(a statement that should be true, a function that yields what contradicts it)."""


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
        """The images that the method is checked with."""
        return [ImageSpec(channels, size, self.num_classes) for size, channels in self.sizes]

    @property
    def num_classes(self) -> int | None:
        """None for a method that is tried without classes."""
        return NUM_CLASSES if self.method.condition_d else None

    @property
    def labels(self) -> Tensor | None:
        """The labels of a batch, (N,)."""
        return torch.arange(BATCH) % NUM_CLASSES if self.num_classes else None

    def run(self, check: Check) -> list[Finding]:
        """The findings of one check: its failures, or that it passed."""
        title, function = check
        found = []
        try:
            for failure in function(self):
                where = failure.line or self.place(failure.function)
                found.append(Finding(title, "failed", failure.found, failure.needed, where))
        except Exception as error:  # of the method's own code: any kind
            text = " ".join(str(error).split())
            needed = "that this works; the method's own code raised it"
            found.append(Finding(title, "failed", f"{type(error).__name__}: {text}", needed, self.line_of(error)))
        return found or [Finding(title, "passed")]

    def build(self, image: ImageSpec) -> tuple[Method, nn.Module, nn.Module]:
        """The method and its networks, on the CPU."""
        torch.manual_seed(0)
        method = self.method(self.options, image, nets_for(self.method))
        G, D = method.build()
        return method, G, D

    def real(self, image: ImageSpec) -> Batch:
        """A batch of random images in [-1, 1)."""
        return Batch(torch.rand(BATCH, *image.shape) * 2 - 1, self.labels)

    def fake(self, G: nn.Module, detach: bool = False) -> Batch:
        """A batch of generated images, detached for D's loss."""
        images = self.generate(G)
        return Batch(images.detach() if detach else images, self.labels)

    def generate(self, G: nn.Module) -> Tensor:
        """Images of random latents, (N, C, H, W)."""
        return G(self.latents()) if self.labels is None else G(self.latents(), self.labels)

    def latents(self) -> Tensor:
        """Random latents, (N, z_dim)."""
        return torch.randn(BATCH, NETS.z_dim)

    def trainer(self, device: torch.device | str = "cpu", image: ImageSpec | None = None, **training: Any) -> Trainer:
        """A trainer of a small run on random images, at the start. image: default: 16 px, 1 channel."""
        channels, size, _ = image or ImageSpec(1, 16)
        images = np.random.default_rng(0).integers(0, 256, (40, size, size, channels), dtype=np.uint8)
        nets, labels = nets_for(self.method), np.arange(40) % NUM_CLASSES
        spec = run_spec(self.name, self.options, self.setting, nets, size, {"batch_size": BATCH, **training})
        return Trainer(spec, images, torch.device(device), labels=labels)

    @property
    def files(self) -> set[str]:
        """The source files of the method: its own, those that it imports from its folder, those of its base classes."""
        found = set()
        for base in self.method.__mro__:
            if issubclass(base, Method) and base is not Method and (file := inspect.getsourcefile(base)):
                found |= {str(path) for path in plugins.sources(Path(file))}
        return found

    def line_of(self, error: BaseException) -> str:
        """The innermost line of the method's files on the way to an error, with its text."""
        files = self.files
        found = plugins.line_in(error, lambda file: file in files or str(Path(file).resolve()) in files)
        return line_text(*found) if found else ""

    def place(self, function: str) -> str:
        """The line at which one of the method's functions begins."""
        if not function:
            return ""
        try:
            code = getattr(self.method, function).__code__
        except AttributeError:
            return ""
        return f"{plugins.shown(Path(code.co_filename))}, line {code.co_firstlineno}: `{function}`"


def run_spec(
    name: str, options: MethodOptions, setting: OptimizerSpec, nets: NetsSpec, size: int, training: dict[str, Any]
) -> RunSpec:
    """The specification of a run that belongs to no study."""
    return RunSpec.model_validate(
        {
            "study": "check",
            "dataset": "random",
            "label": "check",
            "setting": "A",
            "seed": 0,
            "data": {"source": "digits", "image_size": size},
            "method": {"name": name, "options": options.to_dict()},
            "nets": nets.to_dict(),
            "optimizer": setting.to_dict(),
            "training": training,
            "budget": {"steps": 1_000_000},
            "snapshots": {"count": 1},
        }
    )


def line_text(file: Path, line: int) -> str:
    """``methods/mine.py, line 31: if loss.item() > 3:``"""
    try:
        text = file.read_text(encoding="utf-8").splitlines()[line - 1].strip()
    except (OSError, IndexError):
        text = ""
    return f"{plugins.shown(file)}, line {line}" + (f": {text}" if text else "")


def size_text(image: ImageSpec) -> str:
    """``at 28 px, 1 channel``"""
    channels, size, _ = image
    return f"at {size} px, {channels} channel{'s' * (channels > 1)}"
