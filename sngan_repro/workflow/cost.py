"""The size and the cost of a study: jobs, updates, seconds of training. torch is imported only to measure a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.specs import DatasetSpec, RunSpec, StudyRun
from sngan_repro.data.record import read_prepared
from sngan_repro.data.sources import source_info
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study

if TYPE_CHECKING:
    import torch


def num_train_images(dataset: DatasetSpec, layout: Layout) -> int | None:
    """The number of training images: of the prepared data, else as published; None if unknown."""
    return _num_images(dataset, layout)[0]


def num_test_images(dataset: DatasetSpec, layout: Layout) -> int | None:
    """The number of test images: of the prepared data, else as published; None if unknown."""
    return _num_images(dataset, layout)[1]


def _num_images(dataset: DatasetSpec, layout: Layout) -> tuple[int | None, int | None]:
    if found := read_prepared(layout.dataset(dataset)):
        return found["num_train"], found["num_test"]
    info = source_info(dataset)
    return info.num_train, info.num_test


def total_steps(run: RunSpec, layout: Layout) -> int | None:
    """The budget of a run in generator updates; None if it depends on images that are not yet prepared."""
    if run.budget.steps is not None:
        return run.budget.steps
    num_train = num_train_images(run.data, layout)
    return None if num_train is None else run.budget.total_steps(run.steps_per_epoch(num_train))


def num_jobs(study: Study) -> dict[str, int]:
    """The jobs of a complete workflow, from no files to the report: kind of job -> number; kinds with jobs only."""
    fetched = {info.fetched_as for spec in study.datasets.values() if (info := source_info(spec)).needs_fetch}
    weights = [name for name in study.evaluators if EVALUATORS.get(name).weights is not None]
    runs, trained = (len({run.name for run in found}) for found in (study.runs(), study.trained_runs()))
    jobs = {
        "to fetch": len(fetched) + len(weights),
        "to prepare and check data": 2 * len({spec.id for spec in study.datasets.values()}),
        "to prepare evaluators": len({spec.id for spec in study.datasets.values()}) * len(study.evaluators),
        "to score real images": len(study.datasets),
        "to train": trained,
        "to run programs": runs - trained,
        "to score": runs,
        "to find look-alikes": trained if study.gallery else 0,
        "to list layers": 1,
        "from aggregation to report": 4 + (study.claims is not None),
    }
    return {kind: count for kind, count in jobs.items() if count}


def training_seconds(runs: list[StudyRun], layout: Layout, device: torch.device) -> dict[str, float]:
    """The estimated seconds of training on a device, one run at a time: label of the method -> seconds.

    The updates of each kind of run are timed on random images (:func:`sngan_repro.training.benchmark.measure`).
    """
    from sngan_repro.training import benchmark

    measured: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for run in runs:
        # Runs that differ only in learning rates and seeds take the same time, so they are timed once.
        optimizer = OptimizerSpec(lr=1e-4, n_dis=run.optimizer.n_dis)
        kind = run.model_copy(update={"seed": 0, "optimizer": optimizer})
        key = kind.digest()
        if key not in measured:
            measured[key] = benchmark.measure(kind, device)
        seconds[run.label] = seconds.get(run.label, 0.0) + measured[key] * (total_steps(run, layout) or 0)
    return seconds
