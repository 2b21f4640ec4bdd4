"""What the galleries of a study's runs hold: a table of their measures, and their images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sngan_repro.analysis.load import read_file
from sngan_repro.config.records import GalleryFile
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import file_sha256
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.npy import read_npz
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study

MEASURES = ("nearer_pixels", "nearer_features", "longest_step")


def gallery_record(run: RunPaths) -> dict[str, Any]:
    """The measures of one run: keys of MEASURES -> number, None where there is none."""
    found = read_file(GalleryFile, run.gallery, "gallery")
    nearer = found.nearer or {}
    return {
        "nearer_pixels": nearer.get("pixels"),
        "nearer_features": nearer.get("features"),
        "longest_step": found.longest_step,
    }


def read_galleries(study: Study, layout: Layout) -> pd.DataFrame:
    """One row per trained run: dataset, label, setting, seed and MEASURES, NaN where there is none."""
    rows = [
        {"dataset": run.dataset, "label": run.label, "setting": run.setting, "seed": run.seed}
        | gallery_record(layout.run(run.id))
        for run in study.trained_runs()
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(MEASURES, float))


def gallery_images(run: RunPaths) -> dict[str, np.ndarray]:
    """The images of one run's gallery; empty for a generator whose pixels are not finite. Raises ConfigError."""
    again = f"delete {run.gallery} and run the workflow again"
    found = read_file(GalleryFile, run.gallery, "gallery")
    try:
        if found.images_sha256 is not None and file_sha256(run.gallery_images) != found.images_sha256:
            raise ValueError("its checksum is wrong")
        return read_npz(run.gallery_images)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{run.gallery_images}: cannot be read ({error}); {again}") from None
