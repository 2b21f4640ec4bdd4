"""What a study would run and about what it would cost, and listings for the terminal."""

from __future__ import annotations

import time
from itertools import groupby
from typing import Any

from sngan_repro.config.specs import OWN_SETTING, DatasetSpec, OptimizerSpec, RunSpec
from sngan_repro.data.sources import source_info
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.methods import METHODS, find_method
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study


def print_plan(study: Study, layout: Layout, device: str | None, threads: int | None) -> None:
    """Print the resolved runs, their number, and their cost on ``device`` (None: without timing anything)."""
    runs = study.runs()
    print(f"study {study.name}: {study.title}")
    print(f"{_runs_text(study, runs)}; results in {layout.root}")
    for name, dataset in study.datasets.items():
        where = layout.dataset(dataset)
        state = "prepared" if (where / "dataset.json").exists() else "to be prepared"
        print(f"dataset {name}: {source_info(dataset).title}, {dataset.image_size} px, {state} in {where}")
    for method in dict.fromkeys(entry.name for entry in study.methods):
        if METHODS.code(method) is not None:
            place = METHODS.origin(method)
            print(f"method {method}: of your own, in {place}; `sngan-repro check-method {method}` tries it")
    print(f"scores: {', '.join(study.metric_names)}")
    for (label, setting), group in groupby(runs, key=lambda run: (run.label, run.setting)):
        print(f"  {label:<14} {setting:<4} {_summary(next(iter(group)))}")
    print(_jobs_text(study, len(runs)))
    done = sum(layout.run(run.id).status.exists() for run in runs)
    print(f"{done} of {len(runs)} runs are complete")
    trained = study.trained_runs()
    updates = sum(total_steps(run, layout) or 0 for run in trained)
    unknown = sum(total_steps(run, layout) is None for run in trained)
    print(f"{updates:,} generator updates in all" + (f" ({unknown} runs of unknown length)" if unknown else ""))
    if device is not None:
        if trained:
            _print_cost(trained, layout, device, threads)
        if study.programs:
            print(f"what the programs cost is not known beforehand: {', '.join(study.programs)}")


def _runs_text(study: Study, runs: list[RunSpec]) -> str:
    """``6 runs = 1 datasets x 2 methods x ...``, and those of programs without settings."""
    once = [label for label in study.labels if study.settings_of(label) == [OWN_SETTING]]
    times = f"{len(study.settings)} settings x {len(study.seeds)} seeds"
    others = f" + {len(once)} programs x {len(study.seeds)} seeds" if once else ""
    methods = f"{len(study.methods) - len(once)} methods x {times}"
    return f"{len(runs)} runs = {len(study.datasets)} datasets x " + (f"({methods}{others})" if once else methods)


def _jobs_text(study: Study, num_runs: int) -> str:
    """The jobs of a first run of the workflow, from nothing to the report."""
    fetched = {spec.source for spec in study.datasets.values() if source_info(spec).needs_fetch}
    jobs = {
        "fetch": len(fetched) + sum(EVALUATORS.get(name).weights is not None for name in study.evaluators),
        "prepare and check data": len({spec.id for spec in study.datasets.values()}) + len(study.datasets),
        "prepare evaluators": len(study.datasets) * len(study.evaluators),
        "score real images": len(study.datasets),
        "train": len(study.trained_runs()),
        "run programs": num_runs - len(study.trained_runs()),
        "score": num_runs,
        "aggregate to report": 4 + (study.claims is not None),
    }
    listed = ", ".join(
        f"{count} to {what}" if what != "aggregate to report" else f"{count} from aggregation to report"
        for what, count in jobs.items()
        if count
    )
    return f"{sum(jobs.values())} jobs: {listed}"


def _summary(run: RunSpec) -> str:
    method = find_method(run.method.name)
    defaults = method.Options().to_dict()
    changed = {name: value for name, value in run.method.options.items() if value != defaults.get(name)}
    options = "".join(f", {name} {value}" for name, value in changed.items())
    if run.setting == OWN_SETTING:
        return f"program {run.method.name}{options}"
    optimizer = run.optimizer
    lr_d, lr_g = optimizer.rates
    rate = f"lr {lr_d:g}" if lr_d == lr_g else f"lr {lr_d:g}/{lr_g:g} (D/G)"
    budget = f"{run.budget.steps} updates" if run.budget.steps else f"{run.budget.epochs:g} epochs"
    betas = f"beta {optimizer.beta1:g}/{optimizer.beta2:g}"
    return f"{rate}, {betas}, n_dis {optimizer.n_dis}, batch {run.training.batch_size}, {budget}{options}"


def num_train_images(dataset: DatasetSpec, layout: Layout) -> int | None:
    """Training images: as prepared, else as published, else unknown."""
    from sngan_repro.core.files import read_json

    record = layout.dataset(dataset) / "dataset.json"
    return read_json(record)["num_train"] if record.exists() else source_info(dataset).num_train


def total_steps(run: RunSpec, layout: Layout) -> int | None:
    """The budget of a run in generator updates; None when that depends on images not yet prepared."""
    if run.budget.steps is not None:
        return run.budget.steps
    num_train = num_train_images(run.data, layout)
    return None if num_train is None else run.budget.total_steps(run.steps_per_epoch(num_train))


def _print_cost(runs: list[RunSpec], layout: Layout, device_name: str, threads: int | None) -> None:
    """Time a few updates of every kind of run, on random images, and add up."""
    from sngan_repro.core import runtime

    device = runtime.setup(device_name, threads or 1)
    info = runtime.device_info(device)
    print(f"timing a few updates of each method on {info['name']} ({info['threads']} threads) ...")
    measured: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for run in runs:
        # Neither rates nor seeds change the cost of an update, so runs that differ only in them are timed once.
        optimizer = OptimizerSpec(lr=1e-4, n_dis=run.optimizer.n_dis)
        same = {"dataset": "x", "setting": "x", "seed": 0, "optimizer": optimizer.to_dict()}
        kind = RunSpec.model_validate({**run.to_dict(), **same})
        key = kind.digest()
        if key not in measured:
            measured[key] = measure_update(kind, device)
        cost = measured[key] * (total_steps(run, layout) or 0)
        seconds[run.label] = seconds.get(run.label, 0.0) + cost
    for label, value in seconds.items():
        print(f"  {label:<14} {value / 3600:9.3f} h")
    total = sum(seconds.values())
    print(
        f"training: about {total / 3600:.3f} h on one such device ({total:.0f} s), one run at a time. "
        "Scoring and starting the jobs come on top."
    )


def measure_update(spec: RunSpec, device: Any, min_seconds: float = 0.5) -> float:
    """Seconds per generator update of a run, timed on random images after a warm-up."""
    import numpy as np
    import torch

    from sngan_repro.training.cuda_graph import PLAIN_CALLS
    from sngan_repro.training.trainer import Trainer

    channels = spec.data.channels or source_info(spec.data).channels or 3
    size = spec.data.image_size
    images = np.random.default_rng(0).integers(0, 256, (256, size, size, channels), dtype=np.uint8)
    trainer = Trainer(spec, images, device)

    def elapsed(updates: int) -> float:
        start = time.perf_counter()
        with trainer.context.on_stream():
            for _ in range(updates):
                trainer.advance()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    elapsed(PLAIN_CALLS + 1)  # and the capture of a graph
    updates = 2
    seconds = elapsed(updates)
    while seconds < min_seconds:
        updates *= 2
        seconds = elapsed(updates)
    return seconds / updates
