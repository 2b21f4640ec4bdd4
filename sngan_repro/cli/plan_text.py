"""The plan of a study as text: its runs, its jobs and an estimate of the cost. No torch unless something is timed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sngan_repro.analysis.power import POWER, detectable_difference, seeds_for
from sngan_repro.analysis.stats import fewest_seeds
from sngan_repro.config.specs import OWN_SETTING, StudyRun
from sngan_repro.data.sources import source_info
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.methods import METHODS, find_method
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study
from sngan_repro.workflow.cost import num_jobs, num_test_images, num_train_images, total_steps, training_seconds


def print_plan(study: Study, layout: Layout, device: str | None, threads: int | None) -> None:
    """Print the resolved runs, their number, and their cost on ``device`` (None: without timing anything)."""
    runs = study.runs()
    print(f"study {study.name}: {study.title}")
    for change in study.changed.changes if study.changed else ():
        before = "does not have it" if change.before is None else f"has {change.before}"
        print(f"changed: {change.key} is {change.value}; the study file {before}")
    print(f"{_runs_text(study, runs)}; results in {layout.root}")
    for name, dataset in study.datasets.items():
        where = layout.dataset(dataset)
        state = "prepared" if (where / "dataset.json").exists() else "to be prepared"
        print(f"dataset {name}: {source_info(dataset).title}, {dataset.image_size} px, {state} in {where}")
    for method in dict.fromkeys(entry.name for entry in study.methods):
        if METHODS.code(method) is not None:
            place = METHODS.origin(method)
            print(f"method {method}: a plugin, in {place}; `sngan-repro check-method {method}` checks it")
    print(f"scores: {', '.join(study.metric_names)}")
    for (label, setting), group in groupby(runs, key=lambda run: (run.label, run.setting)):
        print(f"  {label:<14} {setting:<4} {_summary(next(iter(group)))}")
    print(_seeds_text(study))
    for line in _without_real_row(study, layout):
        print(line)
    jobs = num_jobs(study)
    print(f"{sum(jobs.values())} jobs: {', '.join(f'{count} {what}' for what, count in jobs.items())}")
    done = sum(layout.stored(run).status.exists() for run in runs)
    print(f"{done} of {len(runs)} runs are complete")
    trained = study.trained_runs()
    updates = sum(total_steps(run, layout) or 0 for run in trained)
    unknown = sum(total_steps(run, layout) is None for run in trained)
    print(f"{updates:,} generator updates in all" + (f" ({unknown} runs of unknown length)" if unknown else ""))
    if device is not None:
        if trained:
            _print_cost(trained, layout, device, threads)
        if study.programs:
            print(f"the cost of programs is not known before they run: {', '.join(study.programs)}")


def _runs_text(study: Study, runs: list[StudyRun]) -> str:
    """``6 runs = 1 datasets x 2 methods x ...``, and those of programs without settings."""
    once = [label for label in study.labels if study.settings_of(label) == [OWN_SETTING]]
    times = f"{len(study.settings)} settings x {len(study.seeds)} seeds"
    others = f" + {len(once)} programs x {len(study.seeds)} seeds" if once else ""
    methods = f"{len(study.methods) - len(once)} methods x {times}"
    return f"{len(runs)} runs = {len(study.datasets)} datasets x " + (f"({methods}{others})" if once else methods)


def _seeds_text(study: Study) -> str:
    """The differences that the number of seeds can show."""
    n, num_methods = len(study.seeds), len(study.labels)
    least = detectable_difference(n)
    if least is None:
        return "1 seed: no difference between methods can be shown; give at least two `seeds`"
    text = (
        f"{n} seeds: a difference of two methods at one setting is found with {100 * POWER:.0f} % probability if it is "
        f"at least {least:.1f} SD of the seeds; 2 SD need {seeds_for(2)} seeds, 1 SD {seeds_for(1)}"
    )
    needed = fewest_seeds(num_methods)
    if num_methods > 1 and n < needed:
        text += f". Best settings of {num_methods} methods cannot differ significantly with fewer than {needed} seeds"
    return text


def _without_real_row(study: Study, layout: Layout) -> Iterator[str]:
    """The scores that have no row of real data, because a split has too few images."""
    for name, dataset in study.datasets.items():
        num = {"train": num_train_images(dataset, layout), "test": num_test_images(dataset, layout)}
        for protocol in study.scores:
            split = "test" if protocol.reference == "train" else "train"
            available = num[split]
            if available is not None and protocol.num_distinct > available:
                names = ", ".join(metric_names(protocol).values())
                yield (
                    f"dataset {name}: no row of real data for {names}: {protocol.num_distinct:,} images are needed, "
                    f"the {split} split has {available:,}"
                )


def _summary(run: StudyRun) -> str:
    defaults = find_method(run.method.name).Options().to_dict()
    changed = {name: value for name, value in run.method.options.items() if value != defaults.get(name)}
    options = "".join(f", {name} {value}" for name, value in changed.items())
    if run.setting == OWN_SETTING:
        return f"program {run.method.name}{options}"
    optimizer = run.optimizer
    lr_d, lr_g = optimizer.rates
    rate = f"lr {lr_d:g}" if lr_d == lr_g else f"lr {lr_d:g}/{lr_g:g} (D/G)"
    budget = f"{run.budget.steps} updates" if run.budget.steps else f"{run.budget.epochs:g} epochs"
    return f"{rate}, {optimizer.decays}, n_dis {optimizer.n_dis}, batch {run.training.batch_size}, {budget}{options}"


def _print_cost(runs: list[StudyRun], layout: Layout, device_name: str, threads: int | None) -> None:
    """Time a few updates of every kind of run, and print the estimated hours of each method."""
    from sngan_repro.core import runtime

    device = runtime.setup(device_name, threads or 1)
    info = runtime.device_info(device)
    print(f"timing a few updates of each method on {info['name']} ({info['threads']} threads) ...")
    seconds = training_seconds(runs, layout, device)
    for label, value in seconds.items():
        print(f"  {label:<14} {value / 3600:9.3f} h")
    total = sum(seconds.values())
    print(
        f"training: about {total / 3600:.3f} h on one such device ({total:.0f} s), one run at a time. "
        "Scoring and starting the jobs come on top."
    )
