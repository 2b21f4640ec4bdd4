"""The printed table of memorisation and of smooth interpolations."""

from __future__ import annotations

import pandas as pd

from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.core.text import MISSING, integer
from sngan_repro.study.study import Study


def gallery_table(study: Study, galleries: pd.DataFrame, dataset: str) -> PrintedTable:
    """One row per method and setting: mean over seeds of each measure, and its range."""
    assert study.gallery is not None
    rows = []
    for label in study.trained_labels:
        for setting in study.settings_of(label):
            mine = galleries[
                (galleries["dataset"] == dataset) & (galleries["label"] == label) & (galleries["setting"] == setting)
            ]
            cells = [_share(mine["nearer_pixels"]), _share(mine["nearer_features"]), _ratio(mine["longest_step"])]
            rows.append([label, setting, *cells])
    caption = (
        f"Memorisation and smoothness of the final generators on {dataset}: mean over the seeds, and their range. "
        f"Nearer: share of pairs of one of {integer(study.gallery.num_fake)} samples and a held-out image in which the "
        "sample is nearer to its nearest training image, by pixels and in the evaluator's features. It is 50 % for new "
        "real images; more means that samples are copies of training images, less that they are unlike real images. "
        "Longest step: on straight ways between two latents, divided by the median step, in features."
    )
    header = ["Method", "Setting", "Nearer, pixels", "Nearer, features", "Longest step"]
    return PrintedTable(f"gallery-{dataset}", caption, "llrrr", header, rows)


def _share(values: pd.Series) -> str:
    return _text(values, lambda value: f"{100 * value:.0f}") + (" %" if values.notna().any() else "")


def _ratio(values: pd.Series) -> str:
    return _text(values, lambda value: f"{value:.1f}")


def _text(values: pd.Series, shown) -> str:
    """``12 (10 to 15)``: mean and range of the numbers that there are."""
    found = values.dropna()
    if found.empty:
        return MISSING
    spread = "" if len(found) == 1 else f" ({shown(found.min())} to {shown(found.max())})"
    return f"{shown(found.mean())}{spread}"
