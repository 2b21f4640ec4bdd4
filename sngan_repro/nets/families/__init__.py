"""Network families: one file each, called like the family. Listing them imports no torch; using one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, NoReturn

from sngan_repro.core.registry import FileRegistry, require_complete
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    from torch import nn

    from sngan_repro.config.specs import NetsSpec

ImageShape = tuple[int, int, int]
"""(channels, height, width); height = width"""


class Family:
    """Networks that methods share. Subclass it, implement what the family has, register with
    ``@FAMILIES.register("name")``; the name is that of ``nets.family`` in study files.

    Networks come with PyTorch's initial weights: :mod:`sngan_repro.nets.build` initialises them. A network or an image
    shape that a family does not have raises ConfigError.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for listings: which networks, and where they are from."""

    @classmethod
    def generator(cls, nets: NetsSpec, image_shape: ImageShape) -> nn.Module:
        """(N, z_dim) -> (N, C, H, W) in (-1, 1), float32 also under autocast."""
        cls._lacks("generator")

    @classmethod
    def discriminator(
        cls,
        nets: NetsSpec,
        image_shape: ImageShape,
        conv: type[nn.Conv2d],
        linear: type[nn.Linear],
        norm: Callable[[int], nn.Module] | None,
        norm_first: bool,
        num_outputs: int,
    ) -> nn.Module:
        """(N, C, H, W) -> (N,), or (N, num_outputs); float32 also under autocast.

        conv, linear: the classes of its layers, spectrally normalised ones for SNGAN. norm: makes a normaliser for a
        number of channels, after every layer but the first and the last, or None; norm_first: after the first too.
        """
        cls._lacks("discriminator")

    @classmethod
    def autoencoder_discriminator(cls, nets: NetsSpec, image_shape: ImageShape, code_dim: int) -> nn.Module:
        """(N, C, H, W) -> (reconstruction (N, C, H, W), code (N, code_dim)); float32 also under autocast."""
        cls._lacks("autoencoding discriminator")

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
