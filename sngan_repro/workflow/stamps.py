"""Files that are reasons for Snakemake to run jobs: the user's own images have changed, prepared images are checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.files import write_text
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources import SOURCES
from sngan_repro.study.layout import Layout


def keep_checked(files: Sequence[Path], mark: Path) -> None:
    """Write the mark that prepared images were checked, if they exist and it is missing.

    It is as old as the first of their files, the record. So it is no reason to train again. If one of the files is
    missing, the mark is removed: then a job that needs the images waits until they are prepared again.
    """
    try:
        if not all(file.exists() for file in files):
            mark.unlink(missing_ok=True)
        elif not mark.exists():
            write_text(mark, "{}\n")
            time = files[0].stat().st_mtime_ns
            os.utime(mark, ns=(time, time))
    except OSError as error:
        raise ConfigError(f"{mark}: {error.strerror}; check `data_dir` in config/config.yaml") from None


def written_stamp(layout: Layout, spec: DatasetSpec) -> Path:
    """The file of the stamp of the user's own images. It gets a new time only if the images have changed."""
    file, stamp = layout.source_stamp(spec), SOURCES.get(spec.source).stamp(spec)
    try:
        if not file.exists() or file.read_bytes() != stamp.encode():
            write_text(file, stamp)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; check `data_dir` in config/config.yaml") from None
    return file
