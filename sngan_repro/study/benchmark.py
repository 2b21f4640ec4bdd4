"""The runs whose speed a study measures. No torch here."""

from __future__ import annotations

from sngan_repro.config.specs import BudgetSpec, DatasetSpec, SnapshotsSpec, StudyRun
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.methods import find_method
from sngan_repro.methods.program import Program
from sngan_repro.nets.families import FAMILIES
from sngan_repro.study.analyses import BenchmarkSpec
from sngan_repro.study.entries import MethodEntry, check_labels, method_parts, options_of
from sngan_repro.study.study import Study

WHERE = "benchmark: methods"


def benchmark_entries(study: Study) -> list[tuple[MethodEntry, str]]:
    """(entry, label) of the methods that are measured, in the order of the file; none without ``benchmark``.

    Raises ConfigError for programs, and for two equal labels.
    """
    if study.benchmark is None:
        return []
    own = {label: entry for entry, label in study.labelled_entries if label not in study.programs}
    if not study.benchmark.methods:
        return [(entry, label) for label, entry in own.items()]
    found = []
    for entry in study.benchmark.methods:
        entry = own.get(entry.name, entry)
        try:
            method = find_method(entry.name)
        except ConfigError as error:
            raise ConfigError(f"{WHERE}: {error}; or a label of this study: {', '.join(own)}") from None
        if isinstance(method, Program):
            raise ConfigError(f"{WHERE}: '{entry.name}' is a program, which makes no updates here; remove it")
        found.append((entry, entry.label or method.title))
    try:
        check_labels(label for _, label in found)
    except ConfigError as error:
        raise ConfigError(f"benchmark: {error}") from None
    return found


def benchmark_runs(study: Study) -> list[StudyRun]:
    """One specification per image size and method: the study's first dataset and setting, at the benchmark's n_dis.

    Raises ConfigError for a method, a size or a combination that there is not.
    """
    benchmark = study.benchmark
    if benchmark is None:
        return []
    dataset = next(iter(study.datasets.values()))
    setting = next(iter(study.settings))
    runs = []
    for size in benchmark_sizes(study, benchmark):
        data = parse(DatasetSpec, {**dataset.to_dict(), "image_size": size}, "benchmark: image_sizes")
        for entry, label in benchmark_entries(study):
            where = f"{WHERE}: {label}"
            timed = entry.model_copy(update={"setting": {**entry.setting, "n_dis": benchmark.n_dis}})
            options = options_of(find_method(entry.name), entry.options, where)
            parts = method_parts(timed, options, setting, study.settings[setting], study.nets, study.training, where)
            try:
                FAMILIES.get(parts["nets"].family).check(parts["nets"], size)
            except ConfigError as error:
                raise ConfigError(f"{where}: {size} pixels: {error}") from None
            runs.append(
                StudyRun(
                    dataset=f"{size}px",
                    label=label,
                    setting=setting,
                    seed=0,
                    data=data,
                    budget=BudgetSpec.model_validate({"steps": 1_000_000}),
                    snapshots=SnapshotsSpec.model_validate({"count": 1}),
                    **parts,
                )
            )
    return runs


def benchmark_sizes(study: Study, benchmark: BenchmarkSpec) -> tuple[int, ...]:
    """The image sizes, in pixels."""
    return benchmark.image_sizes or (next(iter(study.datasets.values())).image_size,)


def benchmark_text(study: Study) -> str:
    """A text that changes with what is measured; empty without ``benchmark``."""
    if study.benchmark is None:
        return ""
    runs = " ".join(run.digest() for run in benchmark_runs(study))
    return f"{study.benchmark.repeats} x {study.benchmark.min_seconds} s: {runs}"
