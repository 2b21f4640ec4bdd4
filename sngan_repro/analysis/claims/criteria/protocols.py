"""Criteria about faults of the evaluation, for snapshots that are scored with and without them, and about protocols."""

from __future__ import annotations

from dataclasses import replace

from sngan_repro.analysis.claims.cells import Cell, above, combine, within, within_sd_of
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import NotRun, Verdict, decide
from sngan_repro.analysis.naming import title_of
from sngan_repro.evaluation.selection import REAL_DRAWS


def _relative(evidence: Evidence, method: str, setting: str, kind: str, faults: dict) -> Cell:
    """Change by the faults as a share of the score without them."""
    clean, faulty = evidence.metric(kind), evidence.faulty(kind, faults)
    cells = [evidence.score(method, setting, name) for name in (clean, faulty)]
    return combine(f"relative change of {method} at {setting}", cells, lambda pair: pair[1] / pair[0] - 1)


@CRITERIA.register("fault_harmless")
def fault_harmless(
    evidence: Evidence, *, metrics: list[str], faults: dict, share: float, method: str | None = None
) -> Verdict:
    """With and without the faults scores differ by less than a share, for each method (or one) at each setting."""
    labels = evidence.labels if method is None else [method]
    evidence.need_methods(labels)
    nothing = Cell("0", dict.fromkeys(evidence.study.seeds, 0.0))
    components = []
    for kind in metrics:
        for label in labels:
            for setting in evidence.study.settings:
                change = _relative(evidence, label, setting, kind, faults)
                what = f"{title_of(kind)}: {change.name}"
                components += [replace(part, what=what) for part in within(change, nothing, share, "relative")]
    return decide(components)


@CRITERIA.register("fault_harmless_real")
def fault_harmless_real(evidence: Evidence, *, metrics: list[str], faults: dict, share: float) -> Verdict:
    """With and without the faults the scores of real images differ by less than a share, over several draws.

    A draw gives one value of the change. Equal draws are compared: the faults change the images, not the draw.
    """
    nothing, components = Cell("0", dict.fromkeys(range(REAL_DRAWS), 0.0)), []
    for kind in metrics:
        names = evidence.metric(kind), evidence.faulty(kind, faults)
        change = combine("change", [evidence.real_draws(name) for name in names], lambda pair: pair[1] / pair[0] - 1)
        clean, faulty = (evidence.real(name) for name in names)
        what = f"{title_of(kind)} of real images: {clean:.4g} without, {faulty:.4g} with the fault"
        components += [replace(part, what=what) for part in within(change, nothing, share, "relative")]
    return decide(components)


@CRITERIA.register("published_values")
def published_values(evidence: Evidence, *, metrics: list[str], faults: dict, num_sd: float = 2) -> Verdict:
    """Each method at its best setting is within ``num_sd`` seed SDs of the published table, scored as published.

    Best settings are chosen on seeds of their own. Only the evaluator whose features were published gives the
    published units.
    """
    reference = evidence.need_reference()
    components = []
    for kind in metrics:
        name = evidence.faulty(kind, faults)
        evidence.need_published_units(name)
        table = reference.best(kind)
        for label in [label for label in evidence.labels if label in table]:
            cell = evidence.chosen(label, name)
            components += within_sd_of(cell, table[label].value, num_sd, evidence.unit(name), "published")
    return decide(components)


@CRITERIA.register("ranking_holds")
def ranking_holds(evidence: Evidence, *, metrics: list[str], min_tau: float = 0.6) -> Verdict:
    """Kendall's tau between the published ranking and ours, each method at its best setting, is above ``min_tau``.

    One tau per seed, from the scores of that seed. Best settings are chosen on seeds of their own.
    """
    import scipy.stats

    reference = evidence.need_reference()
    components = []
    for kind in metrics:
        name, table = evidence.metric(kind), reference.best(kind)
        labels = [label for label in evidence.labels if label in table]
        if len(labels) < 3:
            raise NotRun("needs three methods with published values")
        theirs = [table[label].value for label in labels]
        cells = [evidence.chosen(label, name) for label in labels]

        def tau(values: list[float], theirs: list[float] = theirs) -> float:
            return float(scipy.stats.kendalltau(values, theirs)[0])

        taus = combine(f"Kendall's τ of the {title_of(kind)} ranking", cells, tau)
        step = 2 / (len(labels) * (len(labels) - 1) / 2)  # one swapped pair
        components.append(above(taus, min_tau, "τ", resolution=step))
    return decide(components)
