"""The tables of a study are made again from its scores and compared with those that are there."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.outputs import aggregate_files, table_files
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study


def changed_tables(study: Study, layout: Layout) -> list[str]:
    """Make the tables again, and return the names of the files that were different.

    Numbers of CSV files may differ in the last digits, since other CPUs round otherwise; texts may not. Raises
    ConfigError if a file of a run is missing, damaged, or does not belong to the study.
    """
    files = {**aggregate_files(layout), **table_files(layout, study)}
    before = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    aggregate(study, layout)
    make_tables(study, layout)
    return [files[name].name for name, text in before.items() if not _equal(text, files[name])]


def _equal(text: str, path: Path) -> bool:
    """True if a file has this text; of a CSV file, if its numbers are equal up to the last digits."""
    again = path.read_text(encoding="utf-8")
    if path.suffix != ".csv" or again == text:
        return again == text
    old, new = (list(csv.reader(io.StringIO(each))) for each in (text, again))
    return [len(row) for row in old] == [len(row) for row in new] and all(
        _equal_cells(a, b) for row, other in zip(old, new, strict=True) for a, b in zip(row, other, strict=True)
    )


def _equal_cells(first: str, second: str) -> bool:
    try:
        return first == second or math.isclose(float(first), float(second), rel_tol=1e-9, abs_tol=1e-12)
    except ValueError:
        return False
