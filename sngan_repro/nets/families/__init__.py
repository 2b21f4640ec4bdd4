"""Network families: one file each, with the family's name.

The files of the package import torch inside their functions only, so that planning can check a study's options.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from sngan_repro.core.registry import FileRegistry, require_complete
from sngan_repro.core.schema import ConfigError, Model, parse
from sngan_repro.nets.interface import ImageSpec

if TYPE_CHECKING:
    from torch import nn

    from sngan_repro.config.specs import NetsSpec


class FamilyOptions(Model):
    """Options of a family. Subclass it; every field becomes a key of ``nets: {options: ...}``, and needs a default."""


class Family:
    """Networks that methods share. Subclass it, implement the networks that the family has, and register it with
    ``@FAMILIES.register("name")``. The name is the value of ``nets.family`` in study files.

    A network is returned with PyTorch's initial weights; :meth:`initialise` is called later, after the weight
    normalisers are in place. Raise ConfigError for an image size that the family does not have. No layer may change
    its input in place: a skip connection, a hook or a returned feature may still need it.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for listings: the networks and their source."""
    conditional: ClassVar[bool] = False
    """True if the networks use class labels (``nets.conditional: true``)."""
    sizes: ClassVar[tuple[int, ...] | None] = None
    """The image sizes in pixels that the family has; None: all."""
    Options: ClassVar[type[FamilyOptions]] = FamilyOptions
    not_of_autoencoder: ClassVar[frozenset[str]] = frozenset()
    """Options that change neither G nor the autoencoding discriminator."""

    @classmethod
    def check(cls, nets: NetsSpec, image_size: int) -> None:
        """Raise ConfigError for options, labels or an image size that the family does not have. No torch here."""
        cls.options(nets)
        if nets.conditional and not cls.conditional:
            raise ConfigError(f"nets: conditional: the network family '{cls.name}' has no class-conditional networks")
        if cls.sizes is not None and image_size not in cls.sizes:
            raise ConfigError(
                f"nets: family: '{cls.name}' has networks for images of {', '.join(map(str, cls.sizes))} pixels, and "
                f"`image_size` is {image_size}; change `image_size`, or choose another family"
            )

    @classmethod
    def check_autoencoder(cls, nets: NetsSpec) -> None:
        """Raise ConfigError for options without effect on a run whose D is an autoencoder."""
        for key in sorted(cls.not_of_autoencoder & nets.options.keys()):
            default = json.dumps(cls.Options.model_fields[key].get_default())
            raise ConfigError(
                f"nets: options: {key}: has no effect, since D is an autoencoder; remove it, or give this entry "
                f"`nets: {{options: {{{key}: {default}}}}}`"
            )

    @classmethod
    def options(cls, nets: NetsSpec) -> Any:
        """The complete options, an instance of ``Options``. Raises ConfigError that names the wrong key."""
        return parse(cls.Options, nets.options, "nets: options")

    @classmethod
    def generator(cls, nets: NetsSpec, image: ImageSpec) -> nn.Module:
        """G(z, labels=None): (N, z_dim) -> (N, C, H, W) in (-1, 1), float32 also under autocast."""
        cls._lacks("generator")

    @classmethod
    def discriminator(
        cls,
        nets: NetsSpec,
        image: ImageSpec,
        norm: Callable[[int], nn.Module] | None = None,
        norm_first: bool = False,
        num_outputs: int = 1,
    ) -> nn.Module:
        """D(images, labels=None): (N, C, H, W) -> DOutput with logits (N,), or (N, num_outputs); float32.

        norm: makes an activation normaliser for a number of channels, put after every layer but the first and the
        last, or None. norm_first: after the first layer too.
        """
        cls._lacks("discriminator")

    @classmethod
    def autoencoder_discriminator(cls, nets: NetsSpec, image: ImageSpec, code_dim: int) -> nn.Module:
        """D(images, labels=None): (N, C, H, W) -> (reconstruction (N, C, H, W), code (N, code_dim)); float32."""
        cls._lacks("autoencoding discriminator")

    @classmethod
    def initialise(cls, net: nn.Module, scheme: str) -> nn.Module:
        """Initialise the weights of a network of this family in place; returns it.

        scheme: ``nets.init``. Override it for a family whose paper starts its layers in another way.
        """
        from sngan_repro.nets.initialisation import initialise

        return initialise(net, scheme)

    @classmethod
    def _lacks(cls, network: str) -> NoReturn:
        raise ConfigError(
            f"the network family '{cls.name}' has no {network}; choose another `family` in `nets`, for all methods or "
            f"for this one (families: {', '.join(FAMILIES.names())})"
        )


def _check(name: str, family: type[Family]) -> None:
    require_complete(f"network family '{name}'", family, Family, ("name", "summary"), ("generator",))
    if family.name != name:
        raise ConfigError(f"network family '{name}': its `name` is '{family.name}'")


FAMILIES: FileRegistry[type[Family]] = FileRegistry("network family", "sngan_repro.nets.families", _check)
