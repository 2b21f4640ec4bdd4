"""The protocol between a method and the training loop."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from sngan_repro.config import LABEL_PATTERN, ConfigError, Model
from sngan_repro.registry import Registry
from sngan_repro.specs import NetsSpec, SettingSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

Logs = dict[str, "Tensor"]
"""Quantities to log, one scalar tensor each, detached; the same keys at every call."""


class MethodOptions(Model):
    """Options of a method. Subclass it; every field becomes a key that study files may set."""


class Method(ABC):
    """One way to train a GAN: its networks, its two losses, and its own state.

    The loop owns optimisers, n_dis, data, logging, snapshots and precision. Per generator update it calls
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

    Options: ClassVar[type[MethodOptions]] = MethodOptions

    def __init__(self, options: MethodOptions, image_shape: tuple[int, int, int], nets: NetsSpec) -> None:
        """image_shape: (channels, height, width)."""
        self.options: Any = options
        self.image_shape = image_shape
        self.nets = nets
        self.state: dict[str, Tensor] = {}
        """Tensors that belong to the method (BEGAN's k); saved and resumed. Change them in place."""

    @classmethod
    def check(cls, options: Any, setting: SettingSpec) -> None:
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


def check_declaration(name: str, method: type[Method]) -> None:
    """Raise ConfigError, before anything is built, when a class cannot serve as a method."""
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise ConfigError(f"method '{name}': a class derived from `Method` is needed; found {method!r}")
    where = f"method '{name}' (class {method.__name__})"
    if missing := sorted(getattr(method, "__abstractmethods__", ())):
        raise ConfigError(f"{where}: it has no {_listed(f'`{function}`' for function in missing)}; define it")
    for attribute in ("title", "summary", "equations", "source"):
        value = getattr(method, attribute, None)
        if not isinstance(value, str) or (attribute in ("title", "summary") and not value.strip()):
            found = "it has none" if value is None else f"found {value!r}"
            raise ConfigError(f"{where}: `{attribute}` must be a text; {found}")
    if not re.fullmatch(LABEL_PATTERN, method.title) or len(method.title) > 60:
        raise ConfigError(
            f"{where}: `title` becomes part of paths, so it is made of at most 60 letters, digits and _ . + -, and "
            f"begins with a letter or digit; found '{method.title}'"
        )
    if "\n" in method.summary:
        raise ConfigError(f"{where}: `summary` must be one line")
    if not (isinstance(method.Options, type) and issubclass(method.Options, MethodOptions)):
        raise ConfigError(f"{where}: `Options` must be a class derived from `MethodOptions`")
    for option, field in method.Options.model_fields.items():
        if field.is_required():
            raise ConfigError(f"{where}: the option `{option}` has no default; `{option}: float = Field(1.0, ...)`")
        if option in RESERVED:
            raise ConfigError(f"{where}: `{option}` is a key of every entry of a study; rename the option")
    for function, given in CALLS.items():
        try:
            inspect.signature(getattr(method, function)).bind("self", *given)
        except TypeError as error:
            takes = f"{function}({', '.join(['self', *given])})"
            raise ConfigError(f"{where}: the loop calls `{takes}`, but: {error}") from None


RESERVED = ("name", "label", "setting", "nets", "options")
"""Keys of a method's entry in a study file that are none of the method's options."""
CALLS = {"build": [], "d_loss": ["D", "real", "fake"], "g_loss": ["D", "fake"], "after_step": []}
"""How the loop calls a method."""


def _listed(words: Iterable[str]) -> str:
    return " and no ".join(words)


METHODS: Registry[type[Method]] = Registry("method", "sngan_repro.methods", check=check_declaration)
