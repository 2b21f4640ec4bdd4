"""From paired differences to a verdict.

A claim is a conjunction of components; each says that a quantity, measured once per training seed, is above a margin.
It is *supported* when every component is (an intersection-union test: no correction is needed, Berger 1982), *not
supported* when at least one component is contradicted after Holm's correction for their number, and *undecided*
otherwise. A component counts as shown, or contradicted, when its 95 % interval is wholly above, or below, its margin.
The interval is Student's t over the seeds: with few seeds it keeps its level, and the bootstrap does not. Two kinds of
components have a test of their own: comparisons of methods at their best settings, and margins given in standard
deviations of the seeds. An undecided claim says something about the size of the study, not about the claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp
from typing import Literal

from sngan_repro.analysis.stats import LEVEL, StudentT, holm, student_t

VERDICTS = ("supported", "not supported", "undecided", "not run")
VerdictName = Literal["supported", "not supported", "undecided", "not run"]
TAIL = (1 - LEVEL) / 2
"""One-sided level of a component: both sides of its two-sided interval."""


class NotRun(Exception):
    """The study lacks data that a claim needs; the message names them."""


@dataclass(frozen=True)
class Component:
    """The claim says that the mean of ``values``, one per training seed, is above ``margin``.

    resolution: the step between possible values, where there are few. blocked: why the component cannot support the
    claim whatever its values are (runs that diverged). exact: a single value without any sampling error, such as the
    result of arithmetic.

    How it is shown: ``flipped``, for a claim that a quantity is *below* a bound, which is stated here with both signs
    changed; ``logarithmic``, for a ratio whose logarithm is tested.

    own_test: the test of a component that is not decided by Student's t of its values (see :mod:`.cells`).
    """

    what: str
    values: tuple[float, ...]
    margin: float = 0.0
    unit: str = ""
    runs: frozenset[str] = frozenset()
    blocked: str = ""
    exact: bool = False
    resolution: float = 0.0
    flipped: bool = False
    logarithmic: bool = False
    own_test: StudentT | None = None

    @cached_property
    def test(self) -> StudentT:
        """The interval of the mean, and the p values on both sides of the margin."""
        if self.own_test is not None:
            return self.own_test
        if self.exact:
            (value,) = self.values
            return StudentT(value, value, value, 1, float(value <= self.margin), float(value >= self.margin))
        return student_t(self.values, self.margin, self.resolution)

    def as_shown(self, value: float) -> float:
        """A value, bound or margin as it is printed: without the change of sign and the logarithm."""
        value = -value if self.flipped else value
        return exp(value) if self.logarithmic else value

    @property
    def interval_shown(self) -> tuple[float, float] | None:
        """The interval as it is printed; None if there is none."""
        if self.exact or self.test.low is None or self.test.high is None:
            return None
        low, high = sorted((self.as_shown(self.test.low), self.as_shown(self.test.high)))
        return low, high

    @property
    def supports(self) -> bool:
        return not self.blocked and self.test.p_above <= TAIL


@dataclass(frozen=True)
class Verdict:
    """The verdict on one claim; ``shown`` is the component that decided it, or that prevents a decision."""

    name: VerdictName
    components: tuple[Component, ...] = ()
    shown: Component | None = None
    reason: str = ""
    remark: str = ""

    @property
    def runs(self) -> list[str]:
        """All runs that entered, sorted."""
        return sorted(set().union(*(component.runs for component in self.components)))


def decide(components: Sequence[Component], remark: str = "") -> Verdict:
    """The verdict on a conjunction of components. NotRun when there is none."""
    if not components:
        raise NotRun("the study has nothing to compare")
    parts = tuple(components)
    p_below = holm([part.test.p_below for part in parts])
    contradicted = min(range(len(parts)), key=lambda index: (p_below[index], parts[index].test.p_below))
    if p_below[contradicted] <= TAIL:
        return Verdict("not supported", parts, parts[contradicted], remark=remark)
    if all(part.supports for part in parts):
        return Verdict("supported", parts, max(parts, key=lambda part: part.test.p_above), remark=remark)
    weakest = max(parts, key=lambda part: (bool(part.blocked), part.test.p_above))
    return Verdict("undecided", parts, weakest, reason=weakest.blocked or _why_undecided(parts), remark=remark)


def _why_undecided(parts: Sequence[Component]) -> str:
    if any(part.test.n < 2 for part in parts):
        return "fewer than two seeds with a pair of finished runs"
    open_parts = sum(not part.supports for part in parts)
    return f"{open_parts} of {len(parts)} comparisons open" if len(parts) > 1 else "the interval contains the margin"
