"""Each file of a finished study is damaged in many ways. Then its readers give equal results, or one message."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import damaged, unreadable
from small_study import Finished

from benchmarks.damages import damages_of
from sngan_repro.core.schema import ConfigError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    torch.set_num_threads(1)
    return Finished(tmp_path_factory.mktemp("finished"))


READERS = {
    "data/prepared/*/dataset.json": "score_real samples",
    "data/prepared/*/images.npy": "score_real samples",
    "data/prepared/*/labels.npy": "score_real",
    "data/prepared/*/verified.json": "score_real",
    "data/evaluators/*/*/evaluator.json": "score_real aggregate",
    "data/evaluators/*/*/features_train.npz": "score_real",
    "data/evaluators/*/*/features_test.npz": "score_real",
    "data/evaluators/*/*/weights.safetensors": "score",
    "data/evaluators/*/*/verified.json": "score_real",
    "results/tiny/real/digits.json": "aggregate tables",
    "results/runs/*/spec.json": "aggregate tables",
    "results/runs/*/status.json": "status read_logs aggregate tables",
    "results/runs/*/scores-*.json": "status aggregate tables",
    "results/runs/*/snapshots/00000004.safetensors": "score",
    "results/runs/*/train.parquet": "read_logs",
    "results/runs/*/d_spectra.parquet": "read_logs",
    "results/runs/*/samples/final.npy": "samples",
    "results/runs/*/samples/progress.npy": "progress",
    "results/runs/*/gallery-*.json": "read_galleries",
    "results/runs/*/gallery-*.npz": "read_galleries",
    "results/tiny/tables/scores.csv": "read_tables",
    "results/tiny/tables/classes.csv": "read_tables",
    "results/tiny/tables/runs.csv": "read_tables",
    "results/tiny/tables/cost.csv": "read_tables",
    "results/tiny/tables/summary.csv": "read_tables",
    "results/tiny/tables/comparisons.csv": "read_tables",
    "results/tiny/tables/aggregate.sha256": "read_tables",
}
"""File -> the jobs that read it, in the order of the workflow."""


@pytest.mark.parametrize("pattern", READERS)
def test_equal_results_or_one_message(pattern: str, finished: Finished):
    (path,) = finished.layout.data_dir.parent.glob(pattern)
    names = READERS[pattern].split()
    jobs = [getattr(finished, name, partial(finished.draw, name)) for name in names]
    before, wrong = finished.results(), list[str]()
    for name, change in damages_of(path).items():
        with damaged(path, change, f"{pattern} {name}"):
            wrong += found_wrong(path, name, jobs, finished, before)
    with unreadable(path):
        wrong += found_wrong(path, "unreadable", jobs, finished, before)
    assert not wrong, "\n".join(wrong)


def found_wrong(
    path: Path, name: str, jobs: Sequence[Callable[[], None]], finished: Finished, before: dict[str, Any]
) -> list[str]:
    """What the readers of a damaged file do wrong."""
    try:
        for job in jobs:
            job()
    except ConfigError as error:
        message = str(error)
        right = {
            "short": len(message) < 2000,
            "printable": message.replace("\n", "").isprintable(),
            "names the file": path.name in message or str(path.parent) in message,
            "has a remedy": any(word in message for word in ("delete", "remove", "again", "permissions")),
        }
        return [f"{name}: not {what}: {message}" for what, holds in right.items() if not holds]
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{name}: {type(error).__name__}: {error} ({place.filename}, line {place.lineno})"]
    return [] if finished.results() == before else [f"{name}: other results"]
