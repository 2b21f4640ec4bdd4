"""Two studies, or two versions of one, compared cell by cell: differences paired by training seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from sngan_repro.analysis.stats import student_t, summarise
from sngan_repro.analysis.tabular import read_table
from sngan_repro.core.schema import ConfigError

CELL = ["dataset", "metric", "label", "setting"]
COLUMNS = (*CELL, "mean_a", "mean_b", "difference", "ci_low", "ci_high", "n", "n_a", "n_b", "p", "note")


def compare_results(first: Path, second: Path) -> list[dict[str, Any]]:
    """One row for each dataset, metric, method and setting that both results have, at the end of training.

    first, second: folders of results (``results/<study>``). mean_a, mean_b: over all finished runs of a side.
    difference: a - b over the n seeds that both have, with the 95 % interval of Student's t and its two-sided p, which
    is not corrected for the number of rows. note: why a cell has no difference, for example other evaluator weights.
    Raises ConfigError if a folder has no tables, or if there is no common cell.
    """
    sides = [_last_scores(folder) for folder in (first, second)]
    cells = [dict(tuple(side.groupby(CELL, sort=False))) for side in sides]
    common = [key for key in cells[0] if key in cells[1]]
    if not common:
        raise ConfigError(f"{first} and {second} have no dataset, metric, method and setting in common")
    return [_compare(key, cells[0][key], cells[1][key]) for key in common]


def _last_scores(folder: Path) -> pd.DataFrame:
    path = folder / "tables" / "scores.csv"
    if not path.exists():
        raise ConfigError(f"{path}: no such file; run the study up to its tables (snakemake --cores all tables)")
    scores = read_table(path, "aggregate")
    return scores[scores["last"].astype(bool) & scores["state"].isin(["ok", "real"])]


def _compare(key: tuple[Any, ...], first: pd.DataFrame, second: pd.DataFrame) -> dict[str, Any]:
    values = [_by_seed(rows) for rows in (first, second)]
    note = ""
    for column, what in (("evaluator_digest", "other evaluator weights"), ("dataset_sha256", "other images")):
        if set(first[column]) != set(second[column]):
            note = what
    seeds = [] if note else sorted(values[0].keys() & values[1].keys())
    differences = [values[0][seed] - values[1][seed] for seed in seeds]
    if not seeds and not note:
        note = "no common seed"
    found, test = summarise(differences), student_t(differences)
    means = [summarise(rows["value"].dropna().tolist()).mean for rows in (first, second)]
    tested = found.n > 1 and found.sd
    return {
        **dict(zip(CELL, key, strict=True)),
        "mean_a": means[0],
        "mean_b": means[1],
        "difference": found.mean,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "n": found.n,
        "n_a": int(first["value"].count()),
        "n_b": int(second["value"].count()),
        "p": min(1.0, 2 * min(test.p_above, test.p_below)) if tested else None,
        "note": note or ("equal" if found.n and not any(differences) else ""),
    }


def _by_seed(rows: pd.DataFrame) -> dict[int, float]:
    """Seed -> value. Real images have no seed in the results of earlier versions."""
    rows = rows[rows["value"].notna() & rows["seed"].notna()]
    return {int(seed): float(value) for seed, value in zip(rows["seed"], rows["value"], strict=True)}
