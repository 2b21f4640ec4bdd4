"""The content of one set of axes: dots and curves, from a study or from a publication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.naming import arrow, higher_is_better, metric_header, metric_label, title_of
from sngan_repro.analysis.summary import real_value, values_of
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.study.reference import Published, Reference

SPREAD = "one SD to each side"
READING = "published: reading error"


@dataclass(frozen=True)
class Cell:
    """The score of one method at one setting; mean None: nothing to draw."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    points: tuple[float, ...] = ()
    diverged: int = 0

    @property
    def values(self) -> list[float]:
        """Every value that is drawn."""
        return [value for value in (self.mean, self.low, self.high, *self.points) if value is not None]


@dataclass(frozen=True)
class ScorePanel:
    """Scores by method and setting."""

    title: str
    cells: dict[tuple[str, str], Cell]
    real: float | None
    distance: bool
    """better when lower: the axis may be logarithmic"""
    spread: str = SPREAD
    """the meaning of low and high"""

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(label for label, _ in self.cells))

    def settings(self, label: str) -> list[str]:
        """The settings side by side in the method's group: its own, or all that any other method has."""
        if (label, OWN_SETTING) in self.cells:
            return [OWN_SETTING]
        return list(dict.fromkeys(setting for _, setting in self.cells if setting != OWN_SETTING))


@dataclass(frozen=True)
class Curve:
    """A score over the training, with a band, and the runs that diverged (``lost``)."""

    x: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    lost: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()


@dataclass(frozen=True)
class CurvePanel:
    """One curve per method."""

    title: str
    curves: dict[str, Curve]

    def values(self) -> list[float]:
        """Every value that is drawn."""
        return [
            y for curve in self.curves.values() for ys in (curve.mean, *(lost[1] for lost in curve.lost)) for y in ys
        ]

    def places(self) -> list[float]:
        """Every x of a mean, increasing."""
        return sorted({x for curve in self.curves.values() for x in curve.x})


def study_scores(
    data: FigureData, dataset: str, metric: str, methods: Sequence[str], settings: Sequence[str], title: str = ""
) -> ScorePanel:
    """The study's scores at the end of training."""
    cells = {
        (m, s): _study_cell(data, dataset, metric, m, s) for m in methods for s in data.study.settings_of(m, settings)
    }
    real = real_value(data.summary, dataset, metric)
    return ScorePanel(title or metric_header(data.study, metric), cells, real, not higher_is_better(data.study, metric))


def _study_cell(data: FigureData, dataset: str, metric: str, label: str, setting: str) -> Cell:
    row = data.cell(dataset, metric, label, setting)
    diverged = int(row["num_diverged"])
    if row["n"] == 0:
        return Cell(None, diverged=diverged)
    scores = data.scores(dataset, metric, label, setting)
    points = tuple(values_of(scores[scores["last"] & (scores["state"] == "ok")]))
    bounds = (row["mean"] - row["sd"], row["mean"] + row["sd"]) if row["n"] > 1 else (None, None)
    return Cell(row["mean"], bounds[0], bounds[1], points, diverged)


def published_scores(reference: Reference, metric: str, methods: Sequence[str]) -> ScorePanel:
    """The published scores by method and setting."""
    bars = reference.bars(metric)
    cells = {(m, s): _published_cell(bars[m, s]) for m in methods for s in reference.settings if (m, s) in bars}
    title = published_title(reference, metric, next(iter(bars.values())).where)
    return ScorePanel(title, cells, None, not SCORES.get(metric).higher_is_better, READING)


def _published_cell(found: Published) -> Cell:
    if not found.error:
        return Cell(found.value)
    return Cell(found.value, found.value - found.error, found.value + found.error)


def published_title(reference: Reference, metric: str, where: str) -> str:
    """``Southampton, Figure 2: FID ↓ (Inception, 6000 generated)``, from what its protocol states."""
    sign = "↑" if SCORES.get(metric).higher_is_better else "↓"
    stated = [reference.protocol[key].value for key in ("num_fake", "features") if key in reference.protocol]
    words = [
        f"{value} generated" if isinstance(value, int) else str(value).capitalize()
        for value in stated
        if value is not None
    ]
    return f"{reference.label}, {where}: {title_of(metric)} {sign}" + (f" ({', '.join(words)})" if words else "")


def our_title(data: FigureData, metric: str) -> str:
    """``This study: FID (6000 generated, train reference, classifier) ↓``."""
    return f"This study: {metric_label(data.study, metric)} {arrow(data.study, metric)}"


def study_curves(
    data: FigureData, dataset: str, metric: str, methods: Sequence[str], setting: dict[str, str], title: str,
    epochs: bool = False,
) -> CurvePanel:  # fmt: skip
    """The study's scores over the training, each method at the setting given for it; x in updates or in epochs."""
    curves = {m: _study_curve(data, dataset, metric, m, setting[m], epochs) for m in methods}
    return CurvePanel(title, curves)


def _study_curve(data: FigureData, dataset: str, metric: str, label: str, setting: str, epochs: bool) -> Curve:
    """Mean over finished seeds with the range between them; the values of diverged runs are separate."""
    scores = data.scores(dataset, metric, label, setting)
    unit = 1.0
    if epochs:
        runs = data.runs(dataset, label, setting)
        unit = float((runs["epochs"] / runs["steps_done"].where(runs["steps_done"] > 0)).max())
    lost = tuple(
        (tuple(float(x) * unit for x in run["steps"]), tuple(map(float, run["value"])))
        for _, run in scores[scores["state"] == "diverged"].groupby("seed")
    )
    finished = scores[scores["state"] == "ok"]
    if finished.empty:
        return Curve(lost=lost)
    over = finished.groupby("steps")["value"].agg(["mean", "min", "max"])
    x = tuple(float(steps) * unit for steps in over.index)
    mean, low, high = (tuple(map(float, over[name])) for name in ("mean", "min", "max"))
    return Curve(x, mean, low, high, lost)


def published_curves(reference: Reference, metric: str, methods: Sequence[str]) -> CurvePanel:
    """The published scores over the training; the band is the error of reading."""
    found = reference.curves(metric)
    curves = {}
    for label in (m for m in methods if m in found):
        points = found[label]
        mean = [point.value for point in points.values()]
        low = [point.value - point.error for point in points.values()]
        high = [point.value + point.error for point in points.values()]
        curves[label] = Curve(tuple(map(float, points)), tuple(mean), tuple(low), tuple(high))
    where = next(iter(next(iter(found.values())).values())).where
    return CurvePanel(published_title(reference, metric, where), curves)
