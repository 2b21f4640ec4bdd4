"""Series of runs that differ in one number only, for figures of scores against that number. No torch here."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from sngan_repro.config.specs import RunSpec, StudyRun
from sngan_repro.core.schema import ConfigError, require_known
from sngan_repro.nets.families import FAMILIES
from sngan_repro.study.analyses import CurveSpec
from sngan_repro.study.study import Study

PARTS = {"setting": "optimizer", "nets": "nets", "options": "method"}
"""First word of a curve's key -> the part of a run's specification."""


@dataclass(frozen=True)
class Point:
    """A method and a setting, and the number that they have."""

    x: float
    label: str
    setting: str


@dataclass(frozen=True)
class Series:
    """Points that differ in their number only, by increasing number."""

    name: str
    points: tuple[Point, ...]


def series_of(study: Study, curve: CurveSpec, dataset: str) -> list[Series]:
    """The series of at least two numbers, in the order of the study. Their names are unique."""
    groups: dict[str, list[Point]] = {}
    for run in study.trained_runs():
        if run.dataset != dataset or run.seed != study.seeds[0] or (curve.methods and run.label not in curve.methods):
            continue
        value = value_of(run, curve.key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            groups.setdefault(_rest(run, curve.key), []).append(Point(float(value), run.label, run.setting))
    found = [Series("", tuple(sorted(group, key=lambda p: p.x))) for group in groups.values() if _numbers(group) > 1]
    names = [_name(series) for series in found]
    return [
        replace(series, name=name if names.count(name) == 1 else f"{name}, {_settings(series)}")
        for series, name in zip(found, names, strict=True)
    ]


def _numbers(points: list[Point]) -> int:
    return len({point.x for point in points})


def value_of(run: RunSpec, key: str) -> Any:
    """The value of a curve's key in a run, None if it has no such key. Options of a family have their defaults."""
    part, *names = key.split(".")
    if part == "nets" and names[0] == "options":
        value: Any = FAMILIES.get(run.nets.family).options(run.nets).to_dict()
        names = names[1:]
    else:
        value = getattr(run, PARTS[part])
        value = value.options if part == "options" else value.model_dump()
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _rest(run: StudyRun, key: str) -> str:
    """Everything that must be equal within a series: the specification without the number and the seed."""
    values = run.to_dict()
    del values["seed"]
    part, *names = key.split(".")
    place: Any = values[PARTS[part]]
    for name in ("options", *names)[:-1] if part == "options" else names[:-1]:
        place = place.setdefault(name, {})  # options that are all at their default are left out of a specification
    place.pop(names[-1], None)
    return json.dumps(values, sort_keys=True)


def _name(series: Series) -> str:
    """The label of all points, or what their labels begin with."""
    labels = [point.label for point in series.points]
    if len(set(labels)) == 1:
        return labels[0]
    shortest = min(labels, key=len)
    length = next((n for n, letters in enumerate(zip(*labels, strict=False)) if len(set(letters)) > 1), len(shortest))
    # The common part of SN-0.5 and SN-0.25 is SN, and that of SN2-4 and SN2-8 is SN2.
    return shortest[:length].rstrip("0123456789.").rstrip("-_+") or labels[0]


def _settings(series: Series) -> str:
    """The settings of a series, for a name that tells it from others."""
    return "/".join(dict.fromkeys(point.setting for point in series.points))


def check_curves(study: Study) -> None:
    """Raise ConfigError for a curve without runs that differ in its key only, and for unknown names."""
    for index, curve in enumerate(study.curves):
        where = f"curves.{index}"
        for label in curve.methods:
            _known(where, "method", label, study.trained_labels)
        for metric in curve.metrics:
            _known(where, "metric", metric, study.metric_names)
        values = {value_of(run, curve.key) for run in study.trained_runs()}
        if values == {None}:
            raise ConfigError(f"{where}: key: no run of the study has a value of `{curve.key}`")
        if not any(series_of(study, curve, dataset) for dataset in study.datasets):
            shown = ", ".join(sorted(map(str, values)))
            raise ConfigError(
                f"{where}: key: no two runs differ in `{curve.key}` only (its values: {shown}); add settings or "
                "methods that do, or remove the curve"
            )


def _known(where: str, kind: str, name: str, allowed: list[str]) -> None:
    try:
        require_known(kind, name, allowed)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
