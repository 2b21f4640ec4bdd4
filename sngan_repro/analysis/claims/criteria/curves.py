"""Criteria about scores over the training."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sngan_repro.analysis.claims.cells import Cell, above, combine, exceeds, exceeds_by_sd
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import NotRun, Verdict, decide

if TYPE_CHECKING:
    from collections.abc import Sequence


def _need_two(evidence: Evidence) -> None:
    if len(evidence.snapshots) < 2:
        raise NotRun("needs at least two snapshots")


def _first_and_last(evidence: Evidence, label: str, setting: str, metric: str) -> list[Cell]:
    return [evidence.gain(label, setting, metric, place) for place in (0, -1)]


@CRITERIA.register("monotone")
def monotone(evidence: Evidence, *, metric: str, setting: str, tolerance_sd: float = 1) -> Verdict:
    """From snapshot to snapshot no method gets worse by more than ``tolerance_sd`` seed SDs."""
    evidence.need_settings([setting])
    _need_two(evidence)
    name = evidence.metric(metric)
    components = []
    for label in evidence.labels:
        cells = [evidence.gain(label, setting, name, place) for place in range(len(evidence.snapshots))]
        for place, (before, after) in enumerate(pairwise(cells)):
            epochs = " to ".join(f"{epoch:.3g}" for epoch in evidence.snapshots[place : place + 2])
            what = f"{label}: change from epoch {epochs} above −{tolerance_sd:g} SD"
            components.append(exceeds_by_sd(after, before, -tolerance_sd, evidence.unit(name), what))
    return decide(components)


@CRITERIA.register("largest_gain")
def largest_gain(evidence: Evidence, *, method: str, metric: str, setting: str) -> Verdict:
    """From the first to the last snapshot the method gains more than every other one."""
    evidence.need_settings([setting])
    _need_two(evidence)
    name = evidence.metric(metric)

    def gain(label: str) -> Cell:
        cells = _first_and_last(evidence, label, setting, name)
        return combine(f"gain of {label}", cells, lambda pair: pair[1] - pair[0])

    mine = gain(method)
    unit = evidence.unit(name)
    return decide([exceeds(mine, gain(other), unit=unit) for other in evidence.others(method)])


@CRITERIA.register("start_alike")
def start_alike(evidence: Evidence, *, metric: str, setting: str, factor: float = 2) -> Verdict:
    """The range over the methods at the last snapshot is more than ``factor`` times that at the first."""
    evidence.need_settings([setting])
    _need_two(evidence)
    name = evidence.metric(metric)

    def spread(place: int, word: str) -> Cell:
        cells = [evidence.score(label, setting, name, place) for label in evidence.labels]
        return combine(f"range over methods at the {word}", cells, lambda values: max(values) - min(values))

    start = spread(0, "first snapshot")
    scaled = start.map(lambda value: factor * value, f"{factor:g} × {start.name}")
    return decide([exceeds(spread(-1, "last snapshot"), scaled, unit=evidence.unit(name))])


@CRITERIA.register("ranking_settles")
def ranking_settles(evidence: Evidence, *, metric: str, setting: str, min_rho: float = 0.8) -> Verdict:
    """Spearman's rank correlation of the methods between first and last snapshot is above ``min_rho``."""
    import scipy.stats

    evidence.need_settings([setting])
    _need_two(evidence)
    name = evidence.metric(metric)
    labels = evidence.labels
    if len(labels) < 3:
        raise NotRun("needs at least three methods")

    def rho(values: list[float]) -> float:
        return float(scipy.stats.spearmanr(values[: len(labels)], values[len(labels) :])[0])

    cells = [evidence.score(label, setting, name, place) for place in (0, -1) for label in labels]
    step = 12 / (len(labels) * (len(labels) ** 2 - 1))  # two neighbours swapped
    return decide([above(combine("rank correlation", cells, rho), min_rho, "Spearman's ρ", resolution=step)])


@CRITERIA.register("still_improving")
def still_improving(
    evidence: Evidence, *, metric: str, setting: str, from_epoch: float, to_epoch: float, tolerance_sd: float = 1
) -> Verdict:
    """Between two epochs every method gains more than ``tolerance_sd`` seed SDs."""
    evidence.need_settings([setting])
    name = evidence.metric(metric)
    start, end = at_epochs(evidence, [from_epoch, to_epoch])
    components = []
    for label in evidence.labels:
        early, late = (evidence.gain(label, setting, name, place) for place in (start, end))
        components.append(exceeds_by_sd(late, early, tolerance_sd, evidence.unit(name)))
    return decide(components)


@CRITERIA.register("training_beats_evaluation")
def training_beats_evaluation(
    evidence: Evidence, *, method: str, metric: str, setting: str, from_epoch: float, to_epoch: float, faults: dict
) -> Verdict:
    """Training on gains more than scoring without the faults does at the earlier epoch."""
    evidence.need_methods([method])
    evidence.need_settings([setting])
    clean, faulty = evidence.metric(metric), evidence.faulty(metric, faults)
    start, end = at_epochs(evidence, [from_epoch, to_epoch])
    early, late = (evidence.gain(method, setting, clean, place) for place in (start, end))
    flawed = evidence.gain(method, setting, faulty, start)
    trained = combine("gain by training on", [late, early], lambda pair: pair[0] - pair[1])
    corrected = combine("gain by correct scoring", [early, flawed], lambda pair: pair[0] - pair[1])
    return decide([exceeds(trained, corrected, unit=evidence.unit(clean))])


def at_epochs(evidence: Evidence, epochs: Sequence[float]) -> list[int]:
    """The places of the snapshots at these epochs (to 1 %); NotRun if one is missing."""
    found = []
    for epoch in epochs:
        near = [place for place, at in enumerate(evidence.snapshots) if abs(at - epoch) <= 0.01 * epoch]
        if not near:
            reached = evidence.snapshots[-1]
            raise NotRun(f"needs a snapshot at epoch {epoch:g}; this study ends at epoch {reached:.3g}")
        found.append(near[0])
    return found
