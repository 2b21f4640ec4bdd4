"""Read tables, training logs and image arrays. Every fault is a ConfigError naming the file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.schema import ConfigError

Row = Any
"""A row of a table (a pandas Series); Any, since no stub knows the types of its columns."""

TEXT_COLUMNS = frozenset(
    [
        "study",
        "dataset",
        "method",
        "setting",
        "metric",
        "spread_over",
        "state",
        "stage",
        "reference",
        "evaluator",
        "evaluator_digest",
        "batch_norm",
        "fault_contrast_stretch",
        "dataset_sha256",
        "torch_fidelity",
        "spec_digest",
        "reason",
        "device",
        "device_name",
        "versions",
        "git_revision",
        "started",
        "finished",
        "folder",
        "last_snapshot_sha256",
        "first",
        "first_setting",
        "second",
        "second_setting",
        "selection",
        "resampled_best_updates",
        # claims.csv
        "ledger",
        "id",
        "source",
        "where",
        "statement",
        "quantity",
        "criterion",
        "reported",
        "verdict",
        "evidence",
        "remark",
        "shown",
        "claimed",
        "unit",
        "test",
        "run_ids",
    ]
)


def read_array(path: Path, ndim: int, mmap: bool = False) -> np.ndarray:
    """A uint8 image array with so many axes; ``mmap`` leaves it on disk."""
    try:
        array = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    if array.dtype != np.uint8 or array.ndim != ndim or len(array) == 0:
        raise ConfigError(f"{path}: expected uint8 images, found {array.dtype} of shape {array.shape}")
    return array


def read_table(path: Path, made_by: str) -> pd.DataFrame:
    """A CSV table of this package, exactly as it was written: floats to the last bit, labels such as ``NA`` as text."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream, strict=True))
        return pd.DataFrame(
            {name: _column(name, texts) for name, *texts in zip(header, *rows, strict=True)}, columns=header
        )
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; {made_by} writes it") from None
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as a table ({error}); {made_by} writes it") from None


def _column(name: str, texts: list[str]) -> pd.Series:
    """The values of a CSV column: text, bool, int, or float with NaN where the field is empty."""
    if name in TEXT_COLUMNS:
        return pd.Series(texts, dtype=object)
    if texts and set(texts) <= {"True", "False"}:
        return pd.Series([text == "True" for text in texts])
    if all(text.lstrip("-").isdigit() for text in texts):
        return pd.Series([int(text) for text in texts], dtype=np.int64)
    return pd.Series([float(text) if text else np.nan for text in texts], dtype=np.float64)


def read_log(paths: RunPaths) -> pd.DataFrame:
    """The training log of a run: one row per generator update."""
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
