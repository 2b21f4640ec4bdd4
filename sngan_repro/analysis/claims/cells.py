"""Values per training seed, and the components that compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sngan_repro.analysis.claims.verdict import Component, NotRun
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

    @property
    def sd(self) -> float:
        """Sample SD over the seeds; NotRun with fewer than two, where there is none."""
        import numpy as np

        if len(self.values) < 2:
            raise NotRun(f"{self.name}: a standard deviation needs two finished seeds, there are {len(self.values)}")
        return float(np.std(list(self.values.values()), ddof=1))


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
