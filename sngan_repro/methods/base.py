"""The protocol between a method and the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from sngan_repro.config.specs import NetsSpec, OptimizerSpec
from sngan_repro.core import lazy
from sngan_repro.core.registry import Registry
from sngan_repro.core.schema import Model
from sngan_repro.methods.declaration import check_declaration

if TYPE_CHECKING:
    from torch import Tensor, nn

Logs = dict[str, "Tensor"]
"""Quantities to log, one scalar tensor each, detached; the same keys at every call."""


class MethodOptions(Model):
    """Options of a method. Subclass it; every field becomes a key that study files may set."""


class Method(ABC):
    """One way to train a GAN: its networks, its two losses, and its own state.

    The loop owns optimizers, n_dis, data, logging, snapshots and precision. Per generator update it calls
    ``d_loss`` n_dis times, ``g_loss`` once, then ``after_step``. Fresh latents every time; ``fake`` is detached in
    ``d_loss``, and D's parameters are frozen during ``g_loss``.

    A subclass sets ``title``, ``summary``, ``equations`` and ``source``, declares ``Options``, and registers with
    ``@METHODS.register("name")``.
    """

    title: ClassVar[str]
    """Name in tables and figures, and default label in paths."""
    summary: ClassVar[str]
    """One line for listings."""
    equations: ClassVar[str] = ""
    """Losses in LaTeX, for the report: x real, y = G(z), f the discriminator's output. ``, \\qquad `` parts them."""
    source: ClassVar[str] = ""
    """Citation keys in report/references.bib (or a references.bib beside a plugin), separated by commas; or words."""

    batch_real_and_fake: bool = False
    """Whether D's steps may show it real and fake images in one batch: only where D treats each image alone and keeps
    no state from one forward to the next (no batch norm, no spectral normalisation), so that nothing changes."""

    Options: ClassVar[type[MethodOptions]] = MethodOptions

    def __init__(self, options: MethodOptions, image_shape: tuple[int, int, int], nets: NetsSpec) -> None:
        """image_shape: (channels, height, width)."""
        self.options: Any = options
        self.image_shape = image_shape
        self.nets = nets
        self.state: dict[str, Tensor] = {}
        """Tensors that belong to the method (BEGAN's k); saved and resumed. Change them in place."""

    @classmethod
    def check(cls, options: Any, setting: OptimizerSpec) -> None:
        """Raise ConfigError when options and setting do not go together. Called before any job starts."""
        del options, setting  # everything goes together unless a method says otherwise

    @classmethod
    def equations_for(cls, options: Any) -> str:
        """The equations under these options; override it where an option changes the losses."""
        del options
        return cls.equations

    @abstractmethod
    def build(self) -> tuple[nn.Module, nn.Module]:
        """(G, D), initialised from torch's global random state."""

    def both(self, D: Callable[[Tensor], Any], real: Tensor, fake: Tensor) -> tuple[Any, Any]:
        """(D(real), D(fake)): one pass where that is the same (``batch_real_and_fake``), two otherwise."""
        if not self.batch_real_and_fake:
            return D(real), D(fake)
        together = D(lazy.torch.cat([real, fake]))
        if isinstance(together, tuple):
            halves = [part.chunk(2) for part in together]
            return tuple(half[0] for half in halves), tuple(half[1] for half in halves)
        f_real, f_fake = together.chunk(2)
        return f_real, f_fake

    @abstractmethod
    def d_loss(self, D: Callable[[Tensor], Any], real: Tensor, fake: Tensor) -> tuple[Tensor, Logs]:
        """The loss that D minimises, and logs with at least ``d_real`` and ``d_fake``.

        real, fake: (N, C, H, W), float32 in [-1, 1].
        """

    @abstractmethod
    def g_loss(self, D: Callable[[Tensor], Any], fake: Tensor) -> tuple[Tensor, Logs]:
        """The loss that G minimises, and logs (may be empty)."""

    def after_step(self) -> Logs:
        """Update the method's own state once per generator update; returns logs (may be empty)."""
        return {}


METHODS: Registry[type[Method]] = Registry("method", "sngan_repro.methods", check=check_declaration)
