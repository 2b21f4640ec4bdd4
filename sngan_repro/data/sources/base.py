"""The interface of a data source. Only its method ``open``, which reads the images, may import heavy modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.paths import expanded
from sngan_repro.core.registry import Registry
from sngan_repro.core.schema import ConfigError, require_known
from sngan_repro.data.listing import content_stamp

if TYPE_CHECKING:
    from sngan_repro.data.raw import RawImages

OPTIONS = ("path", "copy_of", "background", "split", "test_fraction", "split_seed")
"""Keys of a dataset that only some sources use."""


@dataclass(frozen=True)
class RawFile:
    """A file that a source reads: its path below ``downloads/<source>`` and its published MD5."""

    path: str
    md5: str


@dataclass(frozen=True)
class Archive:
    """A published file and the files in it. ``path`` is below ``downloads/<source>``, as in torchvision.

    A ``.gz`` contains one file. Of a ``.tar.gz`` only the members in ``files`` are unpacked.
    """

    path: str
    md5: str
    urls: tuple[str, ...]
    files: tuple[RawFile, ...]


@dataclass(frozen=True)
class SourceInfo:
    """Numbers of a source or of a dataset from it; None if they are known only after the images are loaded."""

    name: str
    title: str
    channels: int | None
    num_train: int | None
    num_test: int | None
    num_classes: int | None
    needs_fetch: bool
    fetched_as: str
    """The source under whose name its files are fetched: its own, or :attr:`Source.files_of`."""
    url: str | None
    where_to_put: str
    labelled: bool = True
    """False if it is known that training images have no classes."""


class Source:
    """A source of images. Subclass it, set the attributes below, implement ``open``, and register the class with
    ``@SOURCES.register("name")``."""

    name: ClassVar[str]
    """The registered name."""
    title: ClassVar[str]
    """Name in tables and figures."""
    channels: ClassVar[int | None] = None
    num_train: ClassVar[int | None] = None
    num_test: ClassVar[int | None] = None
    num_classes: ClassVar[int | None] = None
    uses: ClassVar[tuple[str, ...]] = ()
    """The keys of OPTIONS that have an effect."""
    splits: ClassVar[dict[str, int]] = {}
    """Allowed values of ``split`` and their numbers of training images; empty if there is no choice."""
    unlabelled_splits: ClassVar[tuple[str, ...]] = ()
    """Those of ``splits`` with training images without a class."""
    citation: ClassVar[str] = ""
    """Citation keys in report/references.bib, separated by commas, for the report."""
    archives: ClassVar[tuple[Archive, ...]] = ()
    """The files to fetch; empty if there are none."""
    files_of: ClassVar[str | None] = None
    """The source whose fetched files it reads, if it has none of its own."""

    @classmethod
    def check(cls, spec: DatasetSpec) -> None:
        """Raise ConfigError if the source cannot use an option of the dataset."""
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
        """Numbers that are known without loading, of the source or, with ``spec``, of a dataset."""
        return SourceInfo(
            name=cls.name,
            title=cls.title,
            channels=(spec.channels if spec else None) or cls.channels,
            num_train=cls.splits.get((spec.split if spec else None) or "", cls.num_train),
            num_test=cls.num_test,
            num_classes=cls.num_classes,
            needs_fetch=bool(cls.archives),
            fetched_as=cls.files_of or cls.name,
            url=cls.archives[0].urls[0] if cls.archives else None,
            where_to_put=cls.where_to_put(),
            labelled=spec is None or spec.split not in cls.unlabelled_splits,
        )

    @classmethod
    def stamp(cls, spec: DatasetSpec) -> str:
        """A text that changes with the user's own files at ``path``; empty for a source without such files.

        Prepared images are made again when it changes.
        """
        return content_stamp(expanded(spec.path)) if spec.path is not None else ""

    @classmethod
    def where_to_put(cls) -> str:
        """The places for files that the user provides, below the data folder."""
        paths = [f"downloads/{cls.files_of or cls.name}/{archive.path}" for archive in cls.archives]
        return ", ".join(paths) if paths else "nothing to put anywhere"

    @classmethod
    def open(cls, spec: DatasetSpec, folder: Path) -> RawImages:
        """The images of the source, in their original sizes.

        folder: ``downloads/<fetched_as>`` with the files of :attr:`archives`, already checked. Raises ConfigError
        with the file that cannot be used.
        """
        raise NotImplementedError


SOURCES: Registry[type[Source]] = Registry("data source", "sngan_repro.data.sources")
