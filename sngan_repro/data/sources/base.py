"""What a data source declares. Its images are read by ``open``, the only function that may import anything heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.registry import Registry
from sngan_repro.core.schema import ConfigError, require_known

if TYPE_CHECKING:
    from sngan_repro.data.raw import RawImages

OPTIONS = ("path", "split", "test_fraction", "split_seed")
"""The keys of a dataset that only some sources use."""


@dataclass(frozen=True)
class RawFile:
    """A file that a source reads: its path below ``downloads/<source>`` and its published MD5."""

    path: str
    md5: str


@dataclass(frozen=True)
class Archive:
    """A published file and what is taken out of it. ``path`` is below ``downloads/<source>``, as torchvision has it.

    A ``.gz`` holds one file; of a ``.tar.gz`` only the members listed in ``files`` are taken.
    """

    path: str
    md5: str
    urls: tuple[str, ...]
    files: tuple[RawFile, ...]


@dataclass(frozen=True)
class SourceInfo:
    """A source, or a dataset made of it, in numbers; None: known only once the images are there."""

    name: str
    title: str
    channels: int | None
    num_train: int | None
    num_test: int | None
    num_classes: int | None
    needs_fetch: bool
    url: str | None
    where_to_put: str


class Source:
    """A source of images. Subclass it, set what follows, implement ``open``, register with ``@SOURCES.register``."""

    name: ClassVar[str]
    """The registered name."""
    title: ClassVar[str]
    """Name in tables and figures."""
    channels: ClassVar[int | None] = None
    num_train: ClassVar[int | None] = None
    num_test: ClassVar[int | None] = None
    num_classes: ClassVar[int | None] = None
    uses: ClassVar[tuple[str, ...]] = ()
    """Those of OPTIONS that have an effect."""
    splits: ClassVar[dict[str, int]] = {}
    """Allowed values of ``split`` and their numbers of training images; empty: there is no choice."""
    citation: ClassVar[str] = ""
    """Citation keys in report/references.bib, separated by commas, for the report."""
    archives: ClassVar[tuple[Archive, ...]] = ()
    """What must be fetched; empty: nothing."""

    @classmethod
    def check(cls, spec: DatasetSpec) -> None:
        """Raise ConfigError when the dataset's options do not suit the source."""
        for option in OPTIONS:
            given = getattr(spec, option) != DatasetSpec.model_fields[option].default
            if given and option not in cls.uses:
                own = " (it has its own test split)" if option in ("test_fraction", "split_seed") else ""
                raise ConfigError(f"`{option}` has no effect for the source '{cls.name}'{own}; remove it")
        if cls.splits and spec.split is None:
            raise ConfigError(f"the source '{cls.name}' needs `split`, one of: {', '.join(cls.splits)}")
        if cls.splits and spec.split is not None:
            require_known(f"`split` of the source '{cls.name}'", spec.split, list(cls.splits))

    @classmethod
    def info(cls, spec: DatasetSpec | None = None) -> SourceInfo:
        """What is known without loading: of the source itself, or with ``spec`` of that dataset."""
        return SourceInfo(
            name=cls.name,
            title=cls.title,
            channels=(spec.channels if spec else None) or cls.channels,
            num_train=cls.splits.get((spec.split if spec else None) or "", cls.num_train),
            num_test=cls.num_test,
            num_classes=cls.num_classes,
            needs_fetch=bool(cls.archives),
            url=cls.archives[0].urls[0] if cls.archives else None,
            where_to_put=cls.where_to_put(),
        )

    @classmethod
    def where_to_put(cls) -> str:
        """Where files staged by hand belong, below the data folder."""
        paths = [f"downloads/{cls.name}/{archive.path}" for archive in cls.archives]
        return ", ".join(paths) if paths else "nothing to put anywhere"

    @classmethod
    def open(cls, spec: DatasetSpec, folder: Path) -> RawImages:
        """The images as the source has them.

        folder: ``downloads/<source>`` with the files of :attr:`archives`, already checked. Raises ConfigError
        naming the file that cannot be used.
        """
        raise NotImplementedError


SOURCES: Registry[type[Source]] = Registry("data source", "sngan_repro.data.sources")
