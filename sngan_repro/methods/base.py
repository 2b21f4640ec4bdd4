"""The interface between a method and the training loop."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core import lazy
from sngan_repro.core.registry import Registry
from sngan_repro.core.schema import LABEL_PATTERN, ConfigError, Model
from sngan_repro.nets.interface import Batch, ImageSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

Logs = dict[str, "Tensor"]
"""Quantities to log, one scalar tensor each, detached; the same keys at every call."""


class MethodOptions(Model):
    """Options of a method. Subclass it; every field becomes a key that study files may set. Each needs a default."""


class Method(ABC):
    """One way to train a GAN: its networks, its two losses, and its own state.

    The loop owns optimizers, n_dis, data, latents, logging, snapshots and precision. Per generator update it calls

        n_dis times:  d_loss(D, real, fake), a step of D's optimizer, after_d_step(D)
        once:         g_loss(D, fake, real), a step of G's optimizer, after_step()

    Latents and real images are fresh every time, unless the study says ``reuse_fake``; ``fake`` is detached in
    ``d_loss``, D's parameters are frozen during ``g_loss``. ``real`` in ``g_loss`` is the last real batch of D. Images
    are (N, C, H, W), float32 in [-1, 1]; labels are int64 (N,), or None in an unconditional run.

    A subclass sets ``title``, ``summary``, ``equations`` and ``source``, declares ``Options``, and registers with
    ``@METHODS.register("name")``.
    """

    title: ClassVar[str]
    """Name in tables and figures, and default label in paths."""
    summary: ClassVar[str]
    """One line for listings."""
    equations: ClassVar[str] = ""
    """Losses in LaTeX, for the report: x real, y = G(z), f the discriminator's logit. ``, \\qquad `` parts them."""
    symbols: ClassVar[Mapping[str, str]] = {}
    r"""Each further symbol of the equations in LaTeX -> its meaning. If it is the value of an option, the text begins
    with the option: ``{r"\gamma": "gamma: the target ratio of the two errors"}``."""
    source: ClassVar[str] = ""
    """Citation keys in report/references.bib (or a references.bib beside a plugin), separated by commas; or words."""

    batch_real_and_fake: bool = False
    """True if D may get real and fake images in one batch. Set it only where D treats each image alone and keeps no
    state from one forward to the next (no batch norm, no spectral normalisation), so that no number changes."""
    conditional: ClassVar[bool] = True
    """False if the method's D uses no class labels; ``nets: {conditional: true}`` is then an error."""
    condition_d: ClassVar[str | None] = None
    """The value of ``nets: condition_d`` that the method's losses need; None: any but those of other methods. A method
    that sets it needs classes."""
    autoencoder: ClassVar[bool] = False
    """True if D is the family's autoencoder; options of other discriminators are then an error."""
    cuda_graph: bool = True
    """False if an update cannot be captured in a CUDA graph, for example since it computes an SVD or synchronises host
    and device. The loop then launches each kernel, and reports that."""

    torch_compile: bool = True
    """False if G and D cannot be compiled with ``torch.compile``, for example since a loss needs second derivatives.
    The loop then calls them as they are, and reports that."""

    Options: ClassVar[type[MethodOptions]] = MethodOptions

    def __init__(self, options: MethodOptions, image: ImageSpec, nets: NetsSpec) -> None:
        self.options: Any = options
        self.image = image
        self.nets = nets
        self.state: dict[str, Tensor] = {}
        """Tensors that belong to the method (BEGAN's k); saved and resumed. Change them in place."""

    @classmethod
    def check(cls, options: Any, optimizer: OptimizerSpec) -> None:
        """Raise ConfigError when options and setting do not go together. Called before any job starts."""
        del options, optimizer  # everything goes together unless a method says otherwise

    @classmethod
    def equations_for(cls, options: Any) -> str:
        """The equations under these options; override it where an option changes the losses."""
        del options
        return cls.equations

    @classmethod
    def symbols_for(cls, options: Any) -> Mapping[str, str]:
        """The symbols of :meth:`equations_for` under these options; override it where an option changes them."""
        del options
        return cls.symbols

    @classmethod
    def source_for(cls, options: Any) -> str:
        """The sources under these options; override it where an option has a source of its own."""
        del options
        return cls.source

    @classmethod
    def options_in_effect(cls, options: Any) -> dict[str, Any]:
        """The options that change something under the values of the others, for the report."""
        return {key: value for key, value in options.to_dict().items() if value is not None}

    @abstractmethod
    def build(self) -> tuple[nn.Module, nn.Module]:
        """(G, D), initialised from torch's global random state. G must be built first, by :mod:`sngan_repro.nets`."""

    def both(self, D: Callable[..., Any], real: Batch, fake: Batch) -> tuple[Any, Any]:
        """(D(real), D(fake)): one pass where that gives the same (``batch_real_and_fake``), two otherwise."""
        if not self.batch_real_and_fake:
            return D(*real), D(*fake)
        images = lazy.torch.cat([real.images, fake.images])
        if real.labels is None or fake.labels is None:
            return _halves(D(images))
        return _halves(D(images, lazy.torch.cat([real.labels, fake.labels])))

    @abstractmethod
    def d_loss(self, D: Callable[..., Any], real: Batch, fake: Batch) -> tuple[Tensor, Logs]:
        """The loss that D minimises, a scalar, and logs with at least ``d_real`` and ``d_fake``."""

    @abstractmethod
    def g_loss(self, D: Callable[..., Any], fake: Batch, real: Batch) -> tuple[Tensor, Logs]:
        """The loss that G minimises, a scalar, and logs (may be empty)."""

    def after_d_step(self, D: nn.Module) -> None:
        """Change D's weights in place after each step of its optimizer, for example to clip them."""
        del D  # by default they stay as they are

    def after_step(self) -> Logs:
        """Update the method's own state once per generator update; returns logs (may be empty)."""
        return {}


def _halves(output: Any) -> tuple[Any, Any]:
    """The output of D for 2 N images as two outputs for N images each; tuples are split entry by entry, None stays."""
    if output is None:
        return None, None
    if not isinstance(output, tuple):
        first, second = output.chunk(2)
        return first, second
    parts = [_halves(part) for part in output]
    rebuild = getattr(type(output), "_make", tuple)
    return rebuild(part[0] for part in parts), rebuild(part[1] for part in parts)


RESERVED = ("name", "label", "setting", "nets", "training", "budget", "options")
"""Keys of a method's entry in a study file that are not options of the method."""
CALLS: dict[str, list[str]] = {
    "build": [],
    "d_loss": ["D", "real", "fake"],
    "g_loss": ["D", "fake", "real"],
    "after_d_step": ["D"],
    "after_step": [],
}
"""The functions of a method that the loop calls, with their arguments."""


def check_declaration(name: str, method: type[Method]) -> None:
    """Raise ConfigError, as a class registers itself, when it cannot serve as a method."""
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise ConfigError(f"method '{name}': a class derived from `Method` is needed; found {method!r}")
    where = f"method '{name}' (class {method.__name__})"
    if missing := sorted(getattr(method, "__abstractmethods__", ())):
        listed = " and no ".join(f"`{function}`" for function in missing)
        raise ConfigError(f"{where}: it has no {listed}; define it")
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
    for function, arguments in CALLS.items():
        try:
            inspect.signature(getattr(method, function)).bind("self", *arguments)
        except TypeError as error:
            call = f"{function}({', '.join(['self', *arguments])})"
            raise ConfigError(f"{where}: the loop calls `{call}`, but: {error}") from None


METHODS: Registry[type[Method]] = Registry("method", "sngan_repro.methods", check=check_declaration)
