"""Read a study file, and check all its keys and names. No torch here.

One file is one study; studies are never merged. Every mistake is a :class:`ConfigError` before any job starts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sngan_repro.config.specs import MAX_LABEL, OWN_SETTING, StudyRun
from sngan_repro.core import plugins
from sngan_repro.core.paths import exists
from sngan_repro.core.registry import Registry
from sngan_repro.core.schema import LABEL_PATTERN, PATTERNS, ConfigError, parse, require_known, shortened
from sngan_repro.core.yaml_files import read_yaml
from sngan_repro.data.sources import check_source, source_info
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.feasible import check_protocols
from sngan_repro.evaluation.protocol import check_protocol
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.methods import METHODS
from sngan_repro.nets.families import FAMILIES
from sngan_repro.study.benchmark import benchmark_runs
from sngan_repro.study.changes import Changed, change_values
from sngan_repro.study.curves import check_curves
from sngan_repro.study.entries import check_labels
from sngan_repro.study.held_out import check_held_out
from sngan_repro.study.labels import check_classes, check_label_scores
from sngan_repro.study.layout import RUNS
from sngan_repro.study.study import Study

STUDIES_DIR = Path("config/studies")


def study_path(name: str) -> Path:
    """The file of a study given by name (in ``config/studies``) or by path."""
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    return STUDIES_DIR / f"{name}.yaml"


def load_study(name: str, changes: Sequence[str] = ()) -> Study:
    """Read and check a study given by name or path. The file's stem is the study's name.

    changes: ``KEY=VALUE`` texts that replace keys of the file, such as ``budget.steps=50``. The study then has another
    name, such as ``quick+budget.steps=50``. Raises :class:`ConfigError` with every problem found, one line each.
    """
    path = study_path(name)
    if any(c in str(path.absolute()) for c in "{}"):
        raise ConfigError(f"{path.absolute()}: Snakemake reads braces in a path as wildcards; move or rename it")
    if path.parent == STUDIES_DIR and not exists(path):
        _no_such_study(name, path)
    values = read_yaml(path)
    if not re.fullmatch(LABEL_PATTERN, path.stem):
        raise ConfigError(f"{path}: the name of the file is the study's, and part of paths: {PATTERNS[LABEL_PATTERN]}")
    if len(path.stem) > MAX_LABEL:
        raise ConfigError(f"{path}: the name of the file is the study's; it has at most {MAX_LABEL} characters")
    if path.stem == RUNS:
        raise ConfigError(
            f"{path}: a study cannot be called '{RUNS}', since results/{RUNS} has the runs of all studies"
        )
    where = str(path)
    names: dict[str, Any] = {"name": path.stem}
    if changes:
        values, parsed = change_values(values, changes)
        if own := tuple(change for change in parsed if change.value != change.before):
            changed = Changed(study=path.stem, changes=own)
            names = {"name": changed.name, "changed": changed}
            where = f"{path} with {shortened(' '.join(changed.texts))}"
    if "name" in values:
        raise ConfigError(f"{where}: name: a study is named after its file; remove this key")
    if "changed" in values:
        raise ConfigError(f"{where}: changed: this is no key of a study file; remove it")
    return make_study({**values, **names}, where)


def _no_such_study(name: str, path: Path) -> None:
    """Raise ConfigError with the known studies."""
    if not STUDIES_DIR.is_dir():
        raise ConfigError(
            f"study '{name}': there is no folder {STUDIES_DIR} here; run this in the repository's folder, "
            "or give the path of a study file"
        )
    original, plus, change = name.partition("+")
    if plus and "=" in change and exists(study_path(original)):
        raise ConfigError(f"unknown study '{name}'; a changed study is given as --study {original} --set KEY=VALUE")
    require_known("study", name, sorted(file.stem for file in STUDIES_DIR.glob("*.yaml")))


def make_study(values: dict[str, Any], where: str = "study") -> Study:
    """A study of these values, which include its ``name``; checked like a file.

    Raises :class:`ConfigError`; its lines begin with ``where``.
    """
    plugins.load_chosen()  # first, so that an error in a plugin is not reported as an error in the study
    study = parse(Study, values, where)
    try:
        check_study(study)
    except OSError as error:  # such as a path that is too long
        raise ConfigError(f"{where}: {error.filename or ''}: {error.strerror or error}") from None
    except RecursionError:
        raise ConfigError(f"{where}: too many lists and mappings inside each other") from None
    except ConfigError as error:
        raise ConfigError("\n".join(f"{where}: {line}" for line in str(error).splitlines())) from None
    return study


def check_study(study: Study) -> None:
    """Check all names, and all keys that depend on other keys. Raises :class:`ConfigError` at the first problem."""
    _check_names(study)
    _check_datasets(study)
    _check_metrics(study)
    if OWN_SETTING in study.settings:
        raise ConfigError(f"settings: '{OWN_SETTING}' is the setting of programs without settings; rename this one")
    late = [step for step in study.snapshots.steps or () if step > (study.budget.steps or step)]
    if late:
        raise ConfigError(f"snapshots: steps: {late} are beyond the budget of {study.budget.steps} updates")
    _check_snapshots(study)
    if study.published and not set(study.labels) & set(study.published.methods):
        raise ConfigError(
            f"reference: '{study.reference}' has values of {', '.join(study.published.methods)}, and no method "
            "of this study has such a label; give one its published name as `label:`, or remove `reference`"
        )
    _check_networks(study)
    benchmark_runs(study)
    check_curves(study)
    trained = [entry for entry, label in study.labelled_entries if label not in study.programs]
    for key in set.intersection(*(set(entry.setting) for entry in trained)) if trained else ():
        raise ConfigError(f"settings: `{key}` is replaced by every method; no setting's own value is used")


def _check_snapshots(study: Study) -> None:
    """The numbers of updates and snapshots are within their limits, as far as the number of images is known."""
    for run in study.runs():
        num_train = source_info(run.data).num_train
        if run.budget.steps is None and num_train is None:
            continue
        per_epoch = run.steps_per_epoch(num_train or 1_000_000)
        if run.snapshots.every_epochs is None or num_train is not None:
            run.snapshots.at(run.budget.total_steps(per_epoch), per_epoch)


MOST_UNTRAINED = 0.1
"""The most that an average of G's weights may hold of the untrained G at the end of a training."""


def _check_average(run: StudyRun) -> None:
    """The average of G's weights has no warm-up, so a short training must not have a slow one."""
    decay, steps = run.training.ema, run.budget.steps
    if decay is not None and steps is not None and decay**steps > MOST_UNTRAINED:
        most = math.floor(1e6 * MOST_UNTRAINED ** (1 / steps)) / 1e6
        raise ConfigError(
            f"methods: {run.label}: training: ema: after {steps} updates the average with the decay {decay:g} still "
            f"holds {100 * decay**steps:.0f} % of the untrained generator; give at most {most:g}, or train longer"
        )


def _check_networks(study: Study) -> None:
    """Each run's family has networks of its options and image size; datasets and methods have the labels in use."""
    checked = set()
    for run in study.trained_runs():
        if (key := (run.dataset, run.label)) in checked:
            continue
        checked.add(key)
        _check_average(run)
        _known(FAMILIES, run.nets.family, f"methods: {run.label}: nets: family")
        family = FAMILIES.get(run.nets.family)
        try:
            family.check(run.nets, run.data.image_size)
            if METHODS.get(run.method.name).autoencoder:
                family.check_autoencoder(run.nets)
        except ConfigError as error:
            raise ConfigError(f"methods: {run.label}: dataset '{run.dataset}': {error}") from None
    for name, dataset in study.datasets.items():
        check_classes(study, name, source_info(dataset).labelled)
    check_label_scores(study)


def _check_names(study: Study) -> None:
    _known(FAMILIES, study.nets.family, "nets: family")
    for index, protocol in enumerate(study.scores):
        _known(EVALUATORS, protocol.evaluator, f"scores.{index}: evaluator")
        for position, metric in enumerate(protocol.metrics):
            _known(SCORES, metric, f"scores.{index}: metrics.{position}")
    check_labels(study.labels)


def _check_datasets(study: Study) -> None:
    for key, dataset in study.datasets.items():
        check_source(key, dataset)
        info = source_info(dataset)
        check_protocols(key, study.scores, info.num_train, info.num_test, labelled=True)
        check_held_out(study, key, info.num_test)
        if any(protocol.fault_detour == dataset.image_size for protocol in study.scores):
            raise ConfigError(
                f"scores: `fault_detour` {dataset.image_size} is the `image_size` of dataset '{key}': no detour"
            )


def _check_metrics(study: Study) -> None:
    for index, protocol in enumerate(study.scores):
        try:
            check_protocol(protocol)
        except ConfigError as error:
            raise ConfigError(f"scores.{index}: {error}") from None
    names = study.metric_names
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"scores: the metric '{name}' is produced twice")
    for name in study.headline:
        require_known("headline metric", name, names)
        if name not in study.clean_metric_names:
            raise ConfigError(f"headline: '{name}' is measured with faults; name a metric without")


def _known(registry: Registry[Any], name: str, where: str) -> None:
    if name in registry.shipped():  # then neither plugins nor the entry's own file need be imported
        return
    try:
        if name not in registry.names():
            registry.get(name)  # raises an error with the nearest name
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
