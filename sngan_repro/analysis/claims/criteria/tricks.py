"""Criteria about the advice of tutorials: early gradients, the course of a score, spread over seeds."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import TYPE_CHECKING

from sngan_repro.analysis.claims.cells import Cell, above, below, combine, exceeds
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.criteria.curves import at_epochs
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import Component, NotRun, Verdict, decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


@CRITERIA.register("game_value_at_equal_densities")
def game_value_at_equal_densities(evidence: Evidence, *, num_points: int = 100, tolerance: float = 1e-6) -> Verdict:
    """Where generated and real images have one density, the best D is 1/2 everywhere and its loss is 2 log 2.

    Computed on a finite set of points with random probabilities: Newton's method finds the best logit of each point.
    """
    import numpy as np

    del evidence  # true of every density
    random = np.random.default_rng(0)
    real = random.dirichlet(np.ones(num_points))

    def best(real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
        """(loss of the best D, largest distance of its sigmoid from 1/2)."""
        logit = np.full(num_points, 0.5)
        for _ in range(50):
            sigmoid = 1 / (1 + np.exp(-logit))
            slope = fake * sigmoid - real * (1 - sigmoid)
            logit -= np.clip(slope / ((real + fake) * sigmoid * (1 - sigmoid)), -1, 1)
        loss = (real * np.log1p(np.exp(-logit)) + fake * np.log1p(np.exp(logit))).sum()
        return float(loss), float(abs(1 / (1 + np.exp(-logit)) - 0.5).max())

    loss, distance = best(real, real)
    other, _ = best(real, np.roll(real, 1))
    remark = f"with another density the least loss is {other:.3f}"
    error = max(abs(loss - 2 * log(2)), distance)
    what = "distance of the least loss from 2 log 2, and of D from 1/2"
    return decide([Component(what, (-error,), -tolerance, exact=True, flipped=True)], remark)


def _early_gradient(evidence: Evidence, label: str, setting: str, steps: int) -> Cell:
    def mean(frame: pd.DataFrame) -> float:
        early = frame.loc[frame["step"] <= steps, "grad_norm_g"].dropna()
        return log(float(early.mean()))

    return evidence.measured(f"gradient of G of {label}", label, setting, mean)


@CRITERIA.register("larger_early_gradient")
def larger_early_gradient(
    evidence: Evidence, *, method: str, other: str, setting: str, steps: int = 1000, metric: str = ""
) -> Verdict:
    """In the first updates the mean norm of G's gradient is larger than under another method.

    metric: the method must also be better by this score at the end. Means are compared as a ratio.
    """
    evidence.need_methods([method, other])
    pair = [_early_gradient(evidence, label, setting, steps) for label in (method, other)]
    ratio = combine(f"early gradient of {method} over {other}", pair, lambda logs: logs[0] - logs[1])
    components = [replace(above(ratio, 0, "ratio"), logarithmic=True)]
    if metric:
        name = evidence.metric(metric)
        mine, their = (evidence.gain(label, setting, name) for label in (method, other))
        components.append(exceeds(mine, their, unit=evidence.unit(name), what=f"{method} better than {other}"))
    return decide(components)


@CRITERIA.register("early_gradient_falls")
def early_gradient_falls(evidence: Evidence, *, methods: Sequence[str], setting: str, steps: int = 10) -> Verdict:
    """In the first updates the mean norm of G's gradient is smaller under each method than under the one before it."""
    evidence.need_methods(methods)
    cells = [_early_gradient(evidence, label, setting, steps) for label in methods]
    components = []
    for before, after, label, next_label in zip(cells, cells[1:], methods, methods[1:], strict=False):
        what = f"early gradient of {label} over {next_label}"
        ratio = combine(what, [before, after], lambda logs: logs[0] - logs[1])
        components.append(replace(above(ratio, 0, "ratio"), logarithmic=True))
    return decide(components)


def _distances(evidence: Evidence, method: str, setting: str, metric: str, places: Sequence[int]) -> list[Cell]:
    """The scores of a method at some snapshots, by a metric that is smaller when better."""
    name = evidence.metric(metric)
    if evidence.sign(name) > 0:
        raise NotRun(f"needs a metric that is smaller when better; {evidence.unit(name)} is not")
    return [evidence.score(method, setting, name, place) for place in places]


@CRITERIA.register("falls_by_share")
def falls_by_share(
    evidence: Evidence, *, method: str, metric: str, setting: str, share: float, from_epoch: float, to_epoch: float
) -> Verdict:
    """Between two epochs a distance such as FID falls by more than a share of its value at the first of them."""
    evidence.need_methods([method])
    evidence.need_settings([setting])
    cells = _distances(evidence, method, setting, metric, at_epochs(evidence, [from_epoch, to_epoch]))
    fall = combine(f"relative fall of {method}", cells, lambda pair: 1 - pair[1] / pair[0])
    return decide([above(fall, share, "share")])


@CRITERIA.register("falls_early")
def falls_early(
    evidence: Evidence, *, method: str, metric: str, setting: str, part: float = 0.2, share: float = 0.5
) -> Verdict:
    """In the first part of the training a distance such as FID falls by more than a share of its whole fall.

    The fall begins at the first snapshot, which must be before the end of that part.
    """
    evidence.need_methods([method])
    evidence.need_settings([setting])
    epochs = evidence.snapshots
    (middle,) = at_epochs(evidence, [part * epochs[-1]])
    if middle == 0:
        raise NotRun(f"needs a snapshot before epoch {part * epochs[-1]:.3g}")
    name = evidence.metric(metric)
    start, then, end = _distances(evidence, method, setting, metric, [0, middle, -1])
    scaled = combine(f"{share:g} × the whole fall", [start, end], lambda pair: share * (pair[0] - pair[1]))
    early = combine(f"fall until epoch {epochs[middle]:.3g}", [start, then], lambda pair: pair[0] - pair[1])
    whole = combine("the whole fall", [start, end], lambda pair: pair[0] - pair[1])
    unit = evidence.unit(name)
    return decide([above(whole, 0, unit), exceeds(early, scaled, unit=unit)])


@CRITERIA.register("improves_along")
def improves_along(evidence: Evidence, *, methods: Sequence[str], metric: str, setting: str) -> Verdict:
    """Each method is better than the one before it, such as variants with more and more steps of D."""
    evidence.need_methods(methods)
    evidence.need_settings([setting])
    name = evidence.metric(metric)
    cells = [evidence.gain(label, setting, name) for label in methods]
    pairs = zip(cells[1:], cells, strict=False)
    return decide([exceeds(a, b, unit=evidence.unit(name), what=f"{a.name} better than {b.name}") for a, b in pairs])


@CRITERIA.register("varies_over_settings")
def varies_over_settings(evidence: Evidence, *, method: str, metric: str, min_variation: float) -> Verdict:
    """The coefficient of variation (SD over mean) of a score over the settings is above a bound."""
    import numpy as np

    settings = list(evidence.study.settings)
    if len(settings) < 3:
        raise NotRun("needs three settings")
    name = evidence.metric(metric)
    cells = [evidence.score(method, setting, name) for setting in settings]
    what = f"coefficient of variation of {method} over the settings"
    varied = combine(what, cells, lambda values: float(np.std(values, ddof=1) / np.mean(values)))
    return decide([above(varied, min_variation, "SD over mean")])


@CRITERIA.register("smaller_spread")
def smaller_spread(evidence: Evidence, *, method: str, other: str, metric: str, setting: str) -> Verdict:
    """A score varies less from seed to seed than under another method.

    Compared are the distances from the median of the seeds (Brown and Forsythe 1974). NotRun with fewer than three
    seeds.
    """
    import numpy as np

    evidence.need_methods([method, other])
    evidence.need_settings([setting])
    name = evidence.metric(metric)

    def distances(label: str) -> Cell:
        cell = evidence.score(label, setting, name)
        if len(cell.values) < 3:
            raise NotRun(f"needs three finished seeds of {label}; there are {len(cell.values)}")
        middle = float(np.median(list(cell.values.values())))
        return cell.map(lambda value: abs(value - middle), f"distance of {label} from its median")

    return decide([exceeds(distances(other), distances(method), unit=evidence.unit(name))])


@CRITERIA.register("smooth_interpolation")
def smooth_interpolation(evidence: Evidence, *, method: str, setting: str, factor: float = 3) -> Verdict:
    """On the way between two latents no step is longer than ``factor`` times the median step, in features.

    The value of a run is the largest ratio over its ways; the study's ``gallery`` measures it.
    """
    cell = evidence.gallery(f"longest over median step of {method}", method, setting, "longest_step")
    return decide([below(cell, factor, "ratio")])
