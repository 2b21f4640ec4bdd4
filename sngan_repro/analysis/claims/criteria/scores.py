"""Criteria about scores against numbers, failed runs, and modes covered."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from sngan_repro.analysis.claims.cells import Cell, above, below, combine, exceeds
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import NotRun, Verdict, decide
from sngan_repro.data.sources import source_info

if TYPE_CHECKING:
    from collections.abc import Sequence


@CRITERIA.register("score_beyond")
def score_beyond(evidence: Evidence, *, method: str, metric: str, setting: str, bound: float) -> Verdict:
    """The score of a method at a setting is better than a number: above it, or below it where smaller is better."""
    evidence.need_settings([setting])
    name = evidence.metric(metric)
    cell, unit = evidence.score(method, setting, name), evidence.unit(name)
    return decide([above(cell, bound, unit) if evidence.sign(name) > 0 else below(cell, bound, unit)])


@CRITERIA.register("fails_least")
def fails_least(
    evidence: Evidence,
    *,
    method: str,
    others: Sequence[str],
    metric: str = "fid",
    setting: str | None = None,
    factor: float = 2,
) -> Verdict:
    """Fewer runs of the method fail than of each other one: the share over the settings, or at one, per seed.

    A run has failed if it diverged, or if its distance (such as FID) is more than ``factor`` times the median of all
    finished runs of the study at these settings.
    """
    evidence.need_methods([method, *others])
    name = evidence.metric(metric)
    if evidence.sign(name) > 0:
        raise NotRun(f"needs a metric that is smaller when better; {evidence.unit(name)} is not")
    settings = list(evidence.study.settings) if setting is None else [setting]
    cells = {label: [evidence.score(label, place, name) for place in settings] for label in evidence.labels}
    finished = [value for parts in cells.values() for cell in parts for value in cell.values.values()]
    if not finished:
        raise NotRun("no run finished")
    limit = factor * median(finished)

    def share(label: str) -> Cell:
        failed = []
        for cell in cells[label]:
            values = {seed: float(value > limit) for seed, value in cell.values.items()}
            failed.append(Cell(cell.name, values | dict.fromkeys(cell.diverged, 1.0), runs=cell.runs))
        return combine(f"failed runs of {label}", failed, lambda parts: sum(parts) / len(parts))

    mine = share(method)
    parts = [exceeds(share(other), mine, unit="share of settings") for other in others]
    return decide([replace(part, resolution=1 / len(settings)) for part in parts])


@CRITERIA.register("covers_modes")
def covers_modes(
    evidence: Evidence, *, method: str, others: Sequence[str], setting: str, tolerance: float = 0.01
) -> Verdict:
    """The method covers at least as many modes as each other one, and more evenly.

    At least as many: not fewer by a share ``tolerance`` of all classes, or by half a mode if that is more. More evenly:
    a smaller ``modes_kl``.
    """
    evidence.need_methods([method, *others])
    evidence.need_settings([setting])
    num_classes = source_info(evidence.study.datasets[evidence.dataset]).num_classes
    if num_classes is None:
        raise NotRun("needs a data source with a known number of classes")
    modes, divergence = evidence.metric("modes"), evidence.metric("modes_kl")
    components = []
    for other in others:
        mine, their = (evidence.gain(label, setting, modes) for label in (method, other))
        component = exceeds(mine, their, -max(0.5, tolerance * num_classes), "modes")
        components.append(replace(component, resolution=1.0))
        mine, their = (evidence.score(label, setting, divergence) for label in (method, other))
        components.append(exceeds(their, mine, unit="nats"))
    return decide(components)
