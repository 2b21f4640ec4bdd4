"""The file that says when the user's own images have changed, for Snakemake."""

from __future__ import annotations

from pathlib import Path

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.files import write_text
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources import SOURCES
from sngan_repro.study.layout import Layout


def written_stamp(layout: Layout, spec: DatasetSpec) -> Path:
    """The file of the stamp of the user's own images. It gets a new time only if the images have changed."""
    file, stamp = layout.source_stamp(spec), SOURCES.get(spec.source).stamp(spec)
    try:
        if not file.exists() or file.read_bytes() != stamp.encode():
            write_text(file, stamp)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; check `data_dir` in config/config.yaml") from None
    return file
