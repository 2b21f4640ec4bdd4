"""The times of updates that a study's ``benchmark`` measured."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sngan_repro.analysis.load import read_file
from sngan_repro.config.records import TimesFile
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.benchmark import benchmark_runs
from sngan_repro.study.study import Study


def read_times(path: Path) -> pd.DataFrame | None:
    """One row per method, size and repeat: label, image_size, n_dis, repeat, seconds (of 100 generator updates).

    The attribute ``device`` of the table describes the device. None if nothing has been measured.
    """
    if not path.exists():
        return None
    found = read_file(TimesFile, path, "measure_times")
    table = pd.DataFrame([time.model_dump() for time in found.times])
    table.attrs["device"] = found.device
    return table


def most_at_once(runs: pd.DataFrame) -> int:
    """The largest number of runs that took place at the same time, from their begin and end."""
    changes = [(datetime.fromisoformat(text), 1) for text in runs["started"]]
    changes += [(datetime.fromisoformat(text), -1) for text in runs["finished"]]
    most = running = 0
    for _, change in sorted(changes):  # at the same second an end comes before a begin
        running += change
        most = max(most, running)
    return most


def times_of(study: Study, times: pd.DataFrame | None) -> pd.DataFrame:
    """One row per image size and method, in the order of the study: label, image_size, n_dis, median, low, high, n.

    Raises ConfigError if the measurement is missing or belongs to another form of the study.
    """
    rows: list[dict[str, Any]] = []
    for run in benchmark_runs(study):
        at = {"label": run.label, "image_size": run.data.image_size, "n_dis": run.optimizer.n_dis}
        found = pd.Series(dtype=float)
        if times is not None:
            same = times[list(at)] == pd.Series(at)
            found = times.loc[same.all(axis=1), "seconds"]
        if found.empty:
            raise ConfigError(
                f"times.json: no time of {run.label} at {run.data.image_size} pixels; measure_times writes it: run the "
                "workflow again"
            )
        rows.append({**at, "median": found.median(), "low": found.min(), "high": found.max(), "n": len(found)})
    return pd.DataFrame(rows)
