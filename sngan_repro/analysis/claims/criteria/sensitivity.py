"""Criteria about the sensitivity of methods to hyper-parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.analysis.claims.cells import Cell, above, below, combine, contrast_by_sd, dominates, exceeds
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import NotRun, Verdict, decide
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@CRITERIA.register("fails_at")
def fails_at(evidence: Evidence, *, method: str, metric: str, settings: Sequence[str], factor: float = 2) -> Verdict:
    """At each of the settings a distance such as FID is more than ``factor`` times that at the method's best setting.

    There must be one setting of the method that is so much better (:func:`dominates`). A run that diverged at one of
    the settings has failed too: it counts with the largest value of the metric among all finished runs of the study.
    """
    evidence.need_settings(settings)
    name = evidence.metric(metric)
    if evidence.sign(name) > 0:
        raise NotRun(f"needs a metric that is smaller when better; {evidence.unit(name)} is not")
    best = [
        cell.map(lambda gain: factor * gain, f"{factor:g} × {cell.name}") for cell in evidence.candidates(method, name)
    ]
    every = [evidence.score(label, place, name) for label in evidence.labels for place in evidence.study.settings]
    largest = max((value for cell in every for value in cell.values.values()), default=None)
    components = []
    for setting in settings:
        cell = evidence.score(method, setting, name)
        failed = {} if largest is None else dict.fromkeys(cell.diverged, largest)
        values = {seed: -value for seed, value in {**cell.values, **failed}.items()}  # as gains
        components.append(dominates(best, [Cell(cell.name, values, runs=cell.runs)], evidence.unit(name)))
    return decide(components)


@CRITERIA.register("near_best_setting")
def near_best_setting(evidence: Evidence, *, method: str, metric: str, setting: str, share: float) -> Verdict:
    """By a distance such as FID the method at one setting exceeds itself at every other by less than a share."""
    evidence.need_settings([setting])
    name = evidence.metric(metric)
    mine = evidence.score(method, setting, name)
    others = [place for place in evidence.study.settings if place != setting]
    if not others:
        raise NotRun("needs other settings to compare with")
    components = []
    for place in others:
        other = evidence.score(method, place, name)
        scaled = other.map(lambda value: (1 + share) * value, f"{1 + share:g} × {other.name}")
        components.append(exceeds(scaled, mine, unit=evidence.unit(name)))
    return decide(components)


@CRITERIA.register("variants_vary_less")
def variants_vary_less(
    evidence: Evidence, *, variants: Sequence[str], setting: str, method: str, metric: str
) -> Verdict:
    """The range of a score over variants of a method at one setting is smaller than that of the method over settings.

    The number of settings and of variants should be about equal, since a range grows with the number of values.
    """
    evidence.need_methods([*variants, method])
    evidence.need_settings([setting])
    name = evidence.metric(metric)

    def width(values: list[float]) -> float:
        return max(values) - min(values)

    over_variants = [evidence.score(label, setting, name) for label in variants]
    over_settings = [evidence.score(method, place, name) for place in evidence.study.settings]
    if min(len(over_variants), len(over_settings)) < 2:
        raise NotRun("needs two variants and two settings")
    wide = combine(f"range of {method} over settings", over_settings, width)
    narrow = combine("range over variants", over_variants, width)
    return decide([exceeds(wide, narrow, unit=evidence.unit(name))])


@CRITERIA.register("trend_over_settings")
def trend_over_settings(
    evidence: Evidence,
    *,
    worsens: str,
    steady: str,
    metric: str,
    key: str,
    settings: Sequence[str],
    tolerance_sd: float = 1,
) -> Verdict:
    """One method gets worse as a numeric key of the settings grows, and another one does not.

    The trend is the slope of the score against log2 of the key (least squares, one per seed). The second method does
    not get worse if its change over the whole range of the key is above -``tolerance_sd`` of its seed SDs.
    """
    evidence.need_settings(settings)
    at = {}
    for name in settings:
        value = getattr(evidence.study.settings[name], key, None)
        if value is None:
            raise NotRun(f"needs settings with a number for `{key}`")
        at[name] = float(value)
    points = {label: {name: (label, name) for name in settings} for label in (worsens, steady)}
    return _trend(evidence, metric, worsens, steady, points, at, tolerance_sd)


@CRITERIA.register("trend_over_variants")
def trend_over_variants(
    evidence: Evidence,
    *,
    worsens: Mapping[str, float],
    steady: Mapping[str, float],
    metric: str,
    setting: str,
    tolerance_sd: float = 1,
) -> Verdict:
    """Variants of one method get worse as a number of theirs grows, and those of another one do not.

    worsens, steady: label of a variant -> its number, the same numbers for both. The trend is measured as in
    ``trend_over_settings``.
    """
    evidence.need_settings([setting])
    evidence.need_methods([*worsens, *steady])
    if sorted(worsens.values()) != sorted(steady.values()):
        raise NotRun("needs variants with the same numbers for both methods")
    names = {f"{value:g}": float(value) for value in worsens.values()}
    groups = {}
    for variants in (worsens, steady):
        points = {f"{value:g}": (label, setting) for label, value in variants.items()}
        groups[f"variants of {next(iter(variants))}"] = points
    first, second = groups
    return _trend(evidence, metric, first, second, groups, names, tolerance_sd)


def _trend(
    evidence: Evidence,
    metric: str,
    worsens: str,
    steady: str,
    points: Mapping[str, Mapping[str, tuple[str, str]]],
    at: Mapping[str, float],
    tolerance_sd: float,
) -> Verdict:
    """points: group -> point -> (label, setting); at: point -> the number on the axis."""
    import numpy as np

    if len(set(at.values())) < 3:
        raise NotRun("needs three values of the key")
    name = evidence.metric(metric)
    axis = np.log2([at[point] for point in at])

    def slope(values: list[float]) -> float:
        return float(np.polyfit(axis, values, 1)[0])

    def cells(group: str) -> list[Cell]:
        return [evidence.gain(*points[group][point], name) for point in at]

    unit = f"{evidence.unit(name)} per doubling"
    falling = combine(f"slope of {worsens}", cells(worsens), slope)
    others = cells(steady)
    reach = float(np.ptp(axis))
    change = combine(f"change of {steady} over the range", others, lambda values: slope(values) * reach)
    scale = reach / float(np.sqrt(((axis - axis.mean()) ** 2).sum()))  # of the SD of a slope times the range
    what = f"{change.name} above −{tolerance_sd:g} SD"
    steady_part = contrast_by_sd(change, others, scale, -tolerance_sd, evidence.unit(name), what)
    return decide([below(falling, 0, unit), steady_part])


@CRITERIA.register("published_within")
def published_within(
    evidence: Evidence, *, method: str, metric: str, setting: str | None = None, difference: float = 0, share: float = 0
) -> Verdict:
    """The score of a method is within a difference, or a share, of the published one: exactly one of the two is given.

    setting: where it is measured; default: the best setting, chosen on seeds of its own.
    """
    if bool(difference) == bool(share):
        raise ConfigError("published_within: options: give exactly one of `difference` and `share`, above 0")
    table = evidence.need_reference().best(metric)
    if method not in table:
        raise NotRun(f"needs a published {metric} of {method}")
    name = evidence.metric(metric)
    evidence.need_published_units(name)
    published = table[method].value
    cell = evidence.chosen(method, name) if setting is None else evidence.score(method, setting, name)
    margin = difference or share * published
    unit = evidence.unit(name)
    what = f"{cell.name} − published {published:g}"
    moved = cell.map(lambda value: value - published)
    return decide([above(moved, -margin, unit, what), below(moved, margin, unit, what)])
