"""Which method is better than which, over settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sngan_repro.analysis.claims.cells import Cell, above, combine, contrast_by_sd, dominates, exceeds, within_sd
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import NotRun, Verdict, decide

if TYPE_CHECKING:
    from collections.abc import Sequence


@CRITERIA.register("leads")
def leads(
    evidence: Evidence, *, method: str, metric: str, settings: Sequence[str] | None = None, worst: bool = False
) -> Verdict:
    """The method is better (``worst``: worse) than every other one at each of the settings (default: all)."""
    evidence.need_settings(settings or ())
    others, name = evidence.others(method), evidence.metric(metric)
    components = []
    for setting in settings or evidence.study.settings:
        mine = evidence.gain(method, setting, name)
        for other in others:
            pair = (evidence.gain(other, setting, name), mine) if worst else (mine, evidence.gain(other, setting, name))
            components.append(exceeds(*pair, unit=evidence.unit(name), what=_better(*pair)))
    return decide(components)


@CRITERIA.register("beats")
def beats(
    evidence: Evidence, *, method: str, other: str | Sequence[str], metric: str, setting: str, margin: float = 0
) -> Verdict:
    """The method is better than another one, or than each of several, at a setting, by more than ``margin``.

    A margin is in the units that were published, so it needs the evaluator of the publication.
    """
    name = evidence.metric(metric)
    if margin:
        evidence.need_published_units(name)
    mine, components = evidence.gain(method, setting, name), []
    for label in [other] if isinstance(other, str) else other:
        their = evidence.gain(label, setting, name)
        components.append(exceeds(mine, their, margin, evidence.unit(name), _better(mine, their)))
    return decide(components)


@CRITERIA.register("exceeds_real")
def exceeds_real(evidence: Evidence, *, method: str, metric: str, setting: str, factor: float) -> Verdict:
    """The score of the method at a setting is more than ``factor`` times that of real images."""
    name = evidence.metric(metric)
    cell, bound = evidence.score(method, setting, name), factor * evidence.real(name)
    return decide([above(cell, bound, evidence.unit(name), f"{cell.name} above {factor:g} × real images")])


@CRITERIA.register("leads_tuned")
def leads_tuned(
    evidence: Evidence,
    *,
    method: str,
    metrics: Sequence[str],
    distance: bool = False,
    others: Sequence[str] | None = None,
) -> Verdict:
    """The method is better than every other one (or than ``others``) by all metrics, each method at its best setting.

    One of its settings must be better than each setting of the others (:func:`dominates`). distance: compare distances
    to the score of real images instead of scores.
    """
    compared = evidence.others(method, others and [method, *others])
    components = []
    for kind in metrics:
        name = evidence.metric(kind)

        def merits(label: str, name: str = name) -> list[Cell]:
            if not distance:
                return evidence.candidates(label, name)
            real, sign = evidence.real(name), evidence.sign(name)
            return [cell.map(lambda gain: -abs(sign * gain - real)) for cell in evidence.candidates(label, name)]

        mine = merits(method)
        components += [dominates(mine, merits(label), evidence.unit(name)) for label in compared]
    return decide(components)


@CRITERIA.register("level_tuned")
def level_tuned(evidence: Evidence, *, first: str, second: str, metric: str, tolerance_sd: float = 1) -> Verdict:
    """Two methods, each at its best setting, differ by less than ``tolerance_sd`` seed SDs, either way.

    Best settings are chosen on seeds of their own (:meth:`Evidence.chosen`).
    """
    evidence.need_methods([first, second])
    name = evidence.metric(metric)
    a, b = (evidence.chosen(label, name) for label in (first, second))
    return decide(within_sd(a, b, tolerance_sd, evidence.unit(name)))


@CRITERIA.register("most_robust")
def most_robust(
    evidence: Evidence, *, method: str, metric: str, by: str, others: Sequence[str] | None = None
) -> Verdict:
    """Over the settings the method has the narrowest range (by: range), or the best worst case (by: worst).

    others: the methods that it is compared with; default: all.
    """
    name = evidence.metric(metric)
    if len(evidence.study.settings) < 2:
        raise NotRun("needs two settings")

    def summary(label: str) -> Cell:
        cells = [evidence.gain(label, setting, name) for setting in evidence.study.settings]
        if by == "range":
            return combine(f"range of {label}", cells, lambda values: min(values) - max(values))
        return combine(f"worst of {label}", cells, min)

    mine = summary(method)
    components = [
        exceeds(mine, their, unit=evidence.unit(name), what=_better(mine, their))
        for their in map(summary, evidence.others(method, others and [method, *others]))
    ]
    return decide(components)


@CRITERIA.register("below_the_best")
def below_the_best(evidence: Evidence, *, low: Sequence[str], high: Sequence[str], metric: str) -> Verdict:
    """Each of ``low`` at every setting is worse than each of ``high`` at its best setting."""
    evidence.need_methods([*low, *high])
    name = evidence.metric(metric)
    unit = evidence.unit(name)
    cells = [evidence.gain(label, setting, name) for label in low for setting in evidence.study.settings]
    return decide([dominates(evidence.candidates(label, name), [cell], unit) for cell in cells for label in high])


@CRITERIA.register("runner_up")
def runner_up(evidence: Evidence, *, method: str, leader: str, metric: str, worst_setting: str) -> Verdict:
    """The method is worse than the leader, better than all others at best settings, and worst itself at one setting."""
    evidence.need_methods([leader])
    evidence.need_settings([worst_setting])
    name = evidence.metric(metric)
    mine, unit = evidence.candidates(method, name), evidence.unit(name)
    components = [dominates(evidence.candidates(leader, name), mine, unit)]
    others = [label for label in evidence.others(method) if label != leader]
    components += [dominates(mine, evidence.candidates(label, name), unit) for label in others]
    weak = evidence.gain(method, worst_setting, name)
    for setting in evidence.study.settings:
        if setting != worst_setting:
            cell = evidence.gain(method, setting, name)
            components.append(exceeds(cell, weak, unit=unit, what=_better(cell, weak)))
    return decide(components)


@CRITERIA.register("setting_sensitive")
def setting_sensitive(
    evidence: Evidence, *, method: str, metric: str, worse: str, better: str, num_sd: float = 3
) -> Verdict:
    """From one setting to another the method loses more than every other one, and more than ``num_sd`` seed SDs."""
    evidence.need_settings([worse, better])
    name = evidence.metric(metric)
    unit = evidence.unit(name)

    def loss(label: str) -> Cell:
        cells = [evidence.gain(label, better, name), evidence.gain(label, worse, name)]
        return combine(f"loss of {label} from {better} to {worse}", cells, lambda pair: pair[0] - pair[1])

    mine, parts = loss(method), [evidence.gain(method, setting, name) for setting in (better, worse)]
    components = [contrast_by_sd(mine, parts, 2**0.5, num_sd, unit, f"{mine.name} against {num_sd:g} SD")]
    components += [exceeds(mine, loss(other), unit=unit) for other in evidence.others(method)]
    return decide(components)


@CRITERIA.register("level")
def level(
    evidence: Evidence, *, first: str, second: str, metric: str, setting: str, tolerance_sd: float = 1
) -> Verdict:
    """Two methods differ at a setting by less than ``tolerance_sd`` seed SDs, either way."""
    evidence.need_methods([first, second])
    evidence.need_settings([setting])
    name = evidence.metric(metric)
    a, b = (evidence.score(label, setting, name) for label in (first, second))
    return decide(within_sd(a, b, tolerance_sd, evidence.unit(name)))


@CRITERIA.register("near_best")
def near_best(
    evidence: Evidence, *, method: str, among: Sequence[str], metric: str, setting: str, share: float
) -> Verdict:
    """By a distance such as FID the method exceeds each of ``among`` by less than a share of theirs."""
    evidence.need_methods([method, *among])
    evidence.need_settings([setting])
    name = evidence.metric(metric)
    mine = evidence.score(method, setting, name)
    components = []
    for label in evidence.others(method, [method, *among]):
        other = evidence.score(label, setting, name)
        scaled = other.map(lambda value: (1 + share) * value, f"{1 + share:g} × {other.name}")
        components.append(exceeds(scaled, mine, unit=evidence.unit(name)))
    return decide(components)


@CRITERIA.register("setting_replaces")
def setting_replaces(
    evidence: Evidence,
    *,
    method: str,
    metric: str,
    setting: str,
    level_with: str,
    better_than: str,
    tolerance_sd: float = 1,
) -> Verdict:
    """At a setting the method is level with itself at a second one (in seed SDs) and better than at a third."""
    evidence.need_methods([method])
    evidence.need_settings([setting, level_with, better_than])
    name = evidence.metric(metric)
    unit = evidence.unit(name)
    here, there = (evidence.gain(method, place, name) for place in (setting, level_with))
    components = within_sd(here, there, tolerance_sd, unit)
    third = evidence.gain(method, better_than, name)
    return decide([*components, exceeds(here, third, unit=unit, what=_better(here, third))])


@CRITERIA.register("setting_near")
def setting_near(evidence: Evidence, *, method: str, metric: str, setting: str, near: str, share: float) -> Verdict:
    """By FID or another distance the method at one setting exceeds itself at another by less than a share."""
    evidence.need_methods([method])
    evidence.need_settings([setting, near])
    name = evidence.metric(metric)
    mine, other = (evidence.score(method, place, name) for place in (setting, near))
    scaled = other.map(lambda value: (1 + share) * value, f"{1 + share:g} × {other.name}")
    component = exceeds(scaled, mine, unit=evidence.unit(name))
    if mine.diverged:  # the claim is that this setting works, so its diverged runs block it
        lost = f"{mine.name}: {len(mine.diverged)} of {len(evidence.study.seeds)} runs diverged"
        component = replace(component, blocked=lost)
    return decide([component])


def _better(first: Cell, second: Cell) -> str:
    return f"{first.name} better than {second.name}"
