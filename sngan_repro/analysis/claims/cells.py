"""Values per training seed, and the components that compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sngan_repro.analysis.claims.verdict import Component, NotRun
from sngan_repro.analysis.stats import LEVEL, standardised_t, student_t
from sngan_repro.core.text import enumeration


@dataclass(frozen=True)
class Cell:
    """One value per training seed of something measured, and the seeds whose run diverged."""

    name: str
    values: dict[int, float]
    diverged: tuple[int, ...] = ()
    runs: frozenset[str] = frozenset()

    def map(self, function: Callable[[float], float], name: str | None = None) -> Cell:
        """A copy of the cell with the function applied to each value."""
        changed = {seed: function(value) for seed, value in self.values.items()}
        return Cell(name or self.name, changed, self.diverged, self.runs)

    @property
    def lost(self) -> str:
        """The diverged runs, in words; empty without any."""
        return f"{self.name}: diverged with seed {enumeration(map(str, self.diverged))}" if self.diverged else ""


def combine(name: str, cells: Iterable[Cell], function: Callable[[list[float]], float]) -> Cell:
    """A cell made from several, seed by seed, over the seeds that all of them have."""
    parts = list(cells)
    common = sorted(set.intersection(*(set(part.values) for part in parts)))
    values = {seed: function([part.values[seed] for part in parts]) for seed in common}
    diverged = tuple(sorted(set().union(*(part.diverged for part in parts))))
    return Cell(name, values, diverged, frozenset().union(*(part.runs for part in parts)))


def exceeds(first: Cell, second: Cell, margin: float = 0.0, unit: str = "", what: str = "") -> Component:
    """The component "first - second > margin", paired by seed.

    Pairs with a diverged run are left out. If a run of ``first`` diverged, the component cannot support the claim,
    because the remaining runs may be better than the lost ones would have been.
    """
    common = sorted(first.values.keys() & second.values.keys())
    values = tuple(first.values[seed] - second.values[seed] for seed in common)
    runs = first.runs | second.runs
    return Component(what or f"{first.name} − {second.name}", values, margin, unit, runs, first.lost)


def below(cell: Cell, bound: float, unit: str = "", what: str = "", resolution: float = 0.0) -> Component:
    """The component "cell < bound"."""
    found = above(cell.map(lambda value: -value), -bound, unit, what, resolution)
    return replace(found, flipped=True)


def above(cell: Cell, margin: float, unit: str = "", what: str = "", resolution: float = 0.0) -> Component:
    """The component "cell > margin"."""
    values = tuple(cell.values[seed] for seed in sorted(cell.values))
    return Component(what or cell.name, values, margin, unit, cell.runs, cell.lost, resolution=resolution)


def within(first: Cell, second: Cell, margin: float, unit: str) -> list[Component]:
    """The two components that say -margin < first - second < margin."""
    what = f"{first.name} − {second.name}"
    upper = exceeds(second, first, -margin, unit, what)
    return [exceeds(first, second, -margin, unit, what), replace(upper, flipped=True)]


def exceeds_by_sd(
    first: Cell, second: Cell, num_sd: float, unit: str = "", what: str = "", flipped: bool = False
) -> Component:
    """The component "first - second > num_sd seed SDs", paired by seed. The seed SD is that of both cells, pooled."""
    difference = combine(f"{first.name} − {second.name}", [first, second], lambda pair: pair[0] - pair[1])
    component = contrast_by_sd(difference, [first, second], 2**0.5, num_sd, unit, what)
    return replace(component, blocked=first.lost, flipped=flipped)


def within_sd_of(cell: Cell, value: float, num_sd: float, unit: str, name: str) -> list[Component]:
    """The two components that say: a cell differs from a fixed value by less than ``num_sd`` seed SDs, either way."""
    what = f"{cell.name} − {name}"
    over, under = cell.map(lambda score: score - value), cell.map(lambda score: value - score)
    upper = contrast_by_sd(under, [cell], 1, -num_sd, unit, what)
    return [contrast_by_sd(over, [cell], 1, -num_sd, unit, what), replace(upper, flipped=True)]


def contrast_by_sd(
    contrast: Cell, parts: Sequence[Cell], scale: float, num_sd: float, unit: str = "", what: str = ""
) -> Component:
    """The component "contrast > num_sd seed SDs". The seed SD is the root of the mean variance of the parts.

    contrast: a linear combination of the parts, seed by seed, whose SD is ``scale`` times that of one part if parts
    with different keys are independent. NotRun with fewer than two seeds, where there is no SD.
    """
    import numpy as np

    seeds = sorted(contrast.values)
    if len(seeds) < 2:
        raise NotRun(f"{contrast.name}: a standard deviation needs two finished seeds, there are {len(seeds)}")
    samples = np.array([[part.values[seed] for seed in seeds] for part in parts])
    sd = float(np.sqrt(samples.var(axis=1, ddof=1).mean()))
    values = tuple(contrast.values[seed] for seed in seeds)
    test = standardised_t(values, sd, len(parts) * (len(seeds) - 1), num_sd, scale)
    return Component(what or contrast.name, values, num_sd * sd, unit, contrast.runs, contrast.lost, own_test=test)


def within_sd(first: Cell, second: Cell, num_sd: float, unit: str) -> list[Component]:
    """The two components that say: first and second differ by less than ``num_sd`` seed SDs, either way."""
    what = f"{first.name} − {second.name}"
    return [
        exceeds_by_sd(first, second, -num_sd, unit, what),
        exceeds_by_sd(second, first, -num_sd, unit, what, flipped=True),
    ]


def dominates(first: Sequence[Cell], second: Sequence[Cell], unit: str = "") -> Component:
    """The component "the best of the first cells is above the best of the second cells", such as tuned methods.

    It is shown if one of the first cells is above each of the second ones. That one is found with the same data, so
    its p is multiplied by the number of first cells (Bonferroni); no p of the comparisons with the second cells needs
    to be, since all of them must hold. It is contradicted in the same way, with the parts exchanged. A cell with
    diverged runs is not chosen while there is another one. The interval belongs to the two cells that are named, with
    the level that the correction asks for.
    """
    firsts, seconds = _finished(first), _finished(second)
    shown, contradicted = _best_evidence(firsts, second, unit), _best_evidence(seconds, first, unit)
    turned = contradicted.p < shown.p
    a, b = (contradicted.against, contradicted.chosen) if turned else (shown.chosen, shown.against)
    plain = exceeds(a, b, unit=unit, what=f"{a.name} better than {b.name}")
    level = 1 - (1 - LEVEL) / len(seconds if turned else firsts)
    interval = student_t(plain.values, level=level)
    test = replace(interval, p_above=shown.p, p_below=contradicted.p)
    runs = frozenset().union(*(cell.runs for cell in (*first, *second)))
    return replace(plain, runs=runs, blocked=shown.chosen.lost, own_test=test)


def _finished(cells: Sequence[Cell]) -> list[Cell]:
    """The cells without diverged runs; all if there is none."""
    return [cell for cell in cells if not cell.diverged] or list(cells)


class _Evidence(NamedTuple):
    p: float
    chosen: Cell
    against: Cell


def _best_evidence(cells: Sequence[Cell], others: Sequence[Cell], unit: str) -> _Evidence:
    """The cell that is above all others with the smallest p, and the other one that is hardest to beat."""
    found = []
    rivals = [other for other in others if other.values] or list(others)  # no rival where all runs diverged
    for cell in cells:
        tests = [exceeds(cell, other, unit=unit).test for other in rivals]
        hardest = max(range(len(tests)), key=lambda place: (tests[place].p_above, -(tests[place].mean or 0)))
        found.append(_Evidence(min(1.0, len(cells) * tests[hardest].p_above), cell, rivals[hardest]))
    return min(found, key=lambda evidence: (evidence.p, -_mean(evidence.chosen)))


def _mean(cell: Cell) -> float:
    return sum(cell.values.values()) / len(cell.values) if cell.values else float("-inf")
