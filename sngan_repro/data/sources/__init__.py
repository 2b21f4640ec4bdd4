"""The data sources: one file each, which registers its source. Listing and checking them imports nothing heavy."""

from __future__ import annotations

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources.base import SOURCES, Archive, RawFile, Source, SourceInfo

__all__ = [
    "SOURCES",
    "Archive",
    "RawFile",
    "Source",
    "SourceInfo",
    "check_source",
    "list_sources",
    "source_info",
]


def check_source(key: str, spec: DatasetSpec) -> None:
    """Check one entry of a study's ``datasets``, without loading any image.

    Raises :class:`ConfigError`, beginning with ``datasets: <key>: ``, for an unknown source, a key without effect for
    this source, and a path or split that the source cannot use.
    """
    try:
        SOURCES.get(spec.source).check(spec)
    except ConfigError as error:
        raise ConfigError(f"datasets: {key}: {error}") from None


def source_info(spec: DatasetSpec) -> SourceInfo:
    """Numbers of a dataset before it is loaded, for cost estimates."""
    return SOURCES.get(spec.source).info(spec)


def list_sources() -> list[SourceInfo]:
    """All sources in the order of their names, without the options of a dataset."""
    return [SOURCES.get(name).info() for name in SOURCES.names()]
