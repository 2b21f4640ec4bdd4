"""The table of memorisation and smoothness, on measures given by hand."""

from __future__ import annotations

import pandas as pd
from claims_support import make_study

from sngan_repro.analysis.tables.gallery import gallery_table

NONE = float("nan")


def test_means_ranges_and_dashes():
    study = make_study(seeds=2, methods=["sngan", "bn"], settings="A", gallery={"num_fake": 500})
    (dataset,) = study.datasets
    columns = ["dataset", "label", "setting", "seed", "nearer_pixels", "nearer_features", "longest_step"]
    rows = [
        [dataset, "SNGAN", "A", 0, 0.04, 0.5, 2.0],
        [dataset, "SNGAN", "A", 1, 0.08, 0.5, 4.0],
        [dataset, "BN", "A", 0, 1.0, NONE, 3.25],
        [dataset, "BN", "A", 1, NONE, NONE, NONE],
        ["another", "BN", "A", 0, 0.5, 0.5, 9.0],
    ]
    table = gallery_table(study, pd.DataFrame(rows, columns=columns), dataset)
    assert table.rows == [
        ["SNGAN", "A", "6 (4 to 8) %", "50 (50 to 50) %", "3.0 (2.0 to 4.0)"],
        ["BN", "A", "100 %", "–", "3.2"],
    ]
    assert "of one of 500 samples" in table.caption
