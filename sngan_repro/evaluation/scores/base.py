"""What a score declares: its names, which way is better, what it needs, how it is computed, what the report says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from sngan_repro.core.registry import Registry, require_complete
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    from sngan_repro.config.protocol import ProtocolSpec
    from sngan_repro.evaluation.features import Features
    from sngan_repro.evaluation.frechet import Gaussian

Value = tuple[float | None, float | None, str | None]
"""value, spread, what the spread is over"""


class Sets(NamedTuple):
    """What a score is computed from. The counts of the protocol are applied already."""

    fake: Features
    """Of the generated images: ``features`` (N, D) and ``logits`` (N, C), float32."""
    real: Features
    """Of the real ones, alike."""
    protocol: ProtocolSpec
    real_gaussian: Gaussian | None = None
    """``gaussian(real["features"])`` when it is at hand already."""


class Score:
    """One score. Subclass it, set what follows, implement ``compute``, register with ``@SCORES.register("name")``.

    The registered name is that of ``metrics`` in study files and begins the names of columns (``fid6k_train@...``).
    """

    title: ClassVar[str]
    """Name in tables and figures: a word or an acronym."""
    long_title: ClassVar[str]
    """The same in running text, without article."""
    higher_is_better: ClassVar[bool]
    needs: ClassVar[int] = 2
    """The fewest images, of each set that it uses."""
    uses_real_images: ClassVar[bool] = True
    """False for a score of the generated images alone: the reference is then no part of its name."""
    needs_classes: ClassVar[bool] = False
    """True for a score of the logits, which mean nothing where an evaluator has no classes."""
    log_scale: ClassVar[bool] = False
    """Whether curves may have a logarithmic axis, since values are positive and may span orders of magnitude."""
    measures: ClassVar[str]
    """What it measures, a clause for the documentation."""
    blind_to: ClassVar[str]
    """What it does not see, alike."""
    report: ClassVar[str]
    """One or two sentences for the report, Markdown. Scores with the same sentences share them."""
    computed_by: ClassVar[str] = ""
    """The program whose values it has, Markdown with its citation; empty: a score of this package's own."""
    remark: ClassVar[str] = ""
    """A sentence for the report on how this package computes it, where that needs one."""

    @classmethod
    def compute(cls, sets: Sets) -> float | Value | dict[str, float | Value]:
        """The value, or (value, spread, what the spread is over).

        A mapping of names of scores to these, where one computation gives several: then it serves all of them. What is
        not finite becomes null.
        """
        raise NotImplementedError

    @classmethod
    def infeasible(cls, protocol: ProtocolSpec, num_fake: int, num_real: int) -> str | None:
        """Why it cannot be computed from so many images, naming the key to change; None when it can."""
        del protocol
        found = min(num_fake, num_real) if cls.uses_real_images else num_fake
        return None if found >= cls.needs else f"{cls.title} needs at least {cls.needs} images, found {found}"

    @classmethod
    def name_part(cls, protocol: ProtocolSpec) -> str:
        """What keys of the protocol that only this score reads add to its name; empty for their usual values."""
        del protocol
        return ""

    @classmethod
    def label_part(cls, protocol: ProtocolSpec) -> str:
        """The same keys in words, for captions: ``10 splits``."""
        del protocol
        return ""

    @classmethod
    def sentence_part(cls, protocol: ProtocolSpec) -> str:
        """The same keys in a clause, for the report: ``IS averaged over 10 splits``."""
        del protocol
        return ""

    @classmethod
    def report_text(cls, protocols: Sequence[ProtocolSpec]) -> str:
        """The sentences of the report under the protocols of a study that have this score."""
        del protocols
        return cls.report

    @classmethod
    def noun(cls) -> str:
        """``the FID``, ``the share of near-duplicates``."""
        return f"the {cls.title if cls.title.isupper() else cls.long_title}"


def _check(name: str, score: type[Score]) -> None:
    if not re.fullmatch(r"[a-z]([a-z_]*[a-z])?", name):
        raise ConfigError(
            f"score '{name}': a name has small letters and _ only, since a number of images follows it (fid600)"
        )
    texts = ("title", "long_title", "measures", "blind_to", "report")
    require_complete(f"score '{name}'", score, Score, (*texts, "higher_is_better"), ("compute",))


SCORES: Registry[type[Score]] = Registry("score", "sngan_repro.evaluation.scores", _check)


def in_order(names: Iterable[str]) -> list[str]:
    """Names of scores as texts list them: the usual ones first, then the others by name."""
    from sngan_repro.config.protocol import METRICS

    return sorted(set(names), key=lambda name: (METRICS.index(name) if name in METRICS else len(METRICS), name))
