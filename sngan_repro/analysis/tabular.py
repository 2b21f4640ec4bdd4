"""Read tables, training logs and image arrays. Every error is a ConfigError that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
from pandas.api.types import is_numeric_dtype
from pyarrow import csv

from sngan_repro.analysis.schemas import NEEDED_COLUMNS, TEXT_COLUMNS
from sngan_repro.config.finished import check_run_file
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.schema import ConfigError, shortened
from sngan_repro.core.sealed import check_recorded
from sngan_repro.data.npy import map_npy

Row = Any
"""A row of a table: a pandas Series. Any, because the type of each column is known only at run time."""


def read_array(path: Path, ndim: int, mmap: bool = False) -> np.ndarray:
    """A uint8 image array with ``ndim`` axes. With ``mmap`` it stays on disk."""
    try:
        array = map_npy(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); delete it and run the workflow again") from None
    array = array if mmap else np.array(array)
    if array.dtype != np.uint8 or array.ndim != ndim or len(array) == 0:
        raise ConfigError(f"{path}: expected uint8 images, found {array.dtype} of shape {array.shape}")
    return array


def read_table(path: Path, made_by: str) -> pd.DataFrame:
    """A CSV table of this package exactly as it was written: floats to the last bit, a label such as ``NA`` as text.

    The columns of :data:`TEXT_COLUMNS` are text, empty where there is no value. All others are bool, int or float, with
    NaN where there is no value. Raises ConfigError if the file is missing or unreadable, lacks a column of
    :data:`NEEDED_COLUMNS`, or has text in a column of numbers.
    """
    text = dict.fromkeys(TEXT_COLUMNS, pyarrow.string())
    convert = csv.ConvertOptions(column_types=text, null_values=[""], strings_can_be_null=False)
    parse = csv.ParseOptions(newlines_in_values=True)
    check_recorded(path, f"delete it, and {made_by} writes it again")
    try:
        table = csv.read_csv(path, parse_options=parse, convert_options=convert).to_pandas()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; {made_by} writes it: run the workflow again") from None
    except (OSError, ValueError) as error:
        reason = shortened(str(error), 300)
        raise ConfigError(
            f"{path}: cannot be read as a table ({reason}); delete it, and {made_by} writes it again"
        ) from None
    numbers = [name for name in table if name not in TEXT_COLUMNS]
    table = table.astype({name: float for name in numbers if table[name].isna().all()})
    table = table.astype({name: object for name in table if name in TEXT_COLUMNS})
    wrong: dict[str, list[str]] = {
        "columns are missing": [name for name in NEEDED_COLUMNS.get(path.stem, "").split() if name not in table],
        "expected numbers, found text in": [name for name in numbers if not is_numeric_dtype(table[name])],
    }
    for what, names in wrong.items():
        if names:
            raise ConfigError(f"{path}: {what}: {', '.join(names)}; delete it, and {made_by} writes it again")
    return table.copy()  # one block of memory per type: rows are filtered several times faster


def read_spectra(paths: RunPaths) -> pd.DataFrame | None:
    """The singular values of D's weights at the end of a run (see :mod:`sngan_repro.training.spectra`).

    None if the run has none: it diverged, or an earlier version trained it.
    """
    check_run_file(paths, paths.spectra)
    try:
        return pd.read_parquet(paths.spectra)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{paths.spectra}: cannot be read as Parquet ({error})") from None


def read_log(paths: RunPaths) -> pd.DataFrame:
    """The training log of a run: one row per generator update."""
    check_run_file(paths, paths.log)
    try:
        log = pd.read_parquet(paths.log)
    except FileNotFoundError:
        raise ConfigError(f"{paths.log}: no such file; training writes it") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{paths.log}: cannot be read as Parquet ({error})") from None
    missing = [name for name in ("step", "d_loss", "g_loss") if name not in log]
    if missing:
        raise ConfigError(f"{paths.log}: missing columns: {', '.join(missing)}")
    return log
