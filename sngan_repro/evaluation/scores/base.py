"""The interface of a score: its names, its direction, its requirements, its computation, its text in the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from sngan_repro.core.registry import Registry, require_complete
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    from sngan_repro.config.protocol import ProtocolSpec
    from sngan_repro.evaluation.features import Features

Value = tuple[float | None, float | None, str | None]
"""(value, spread, what the spread is over)"""
RNG_SEED = 2020
"""The default ``rng_seed`` of torch-fidelity."""


def rng_seed(protocol: ProtocolSpec) -> int:
    """The seed of a score's random choices: 2020 + the seed of the protocol. Seed 0 gives torch-fidelity's default."""
    return RNG_SEED + protocol.seed


class Sets(NamedTuple):
    """The input of a score: two sets of images, with as many images as the protocol says.

    Each has ``features`` (N, D) and ``logits`` (N, C), float32, and ``labels``, int64 (N,), where there are some: the
    classes that G was given, and those of the real images (-1: none). Statistics of the real images are computed once
    for all snapshots with :func:`sngan_repro.evaluation.features.memoize`.
    """

    fake: Features
    """Of the generated images."""
    real: Features
    """Of the real images."""
    protocol: ProtocolSpec


class Score:
    """One score. Subclass it, set the attributes below, implement ``compute``, and register the class with
    ``@SCORES.register("name")``.

    The registered name is used in ``metrics`` of study files. Column names begin with it (``fid6k_train@...``).
    """

    title: ClassVar[str]
    """Name in tables and figures: a word or an acronym."""
    long_title: ClassVar[str]
    """Name in running text, without article."""
    higher_is_better: ClassVar[bool]
    needs: ClassVar[int] = 2
    """Smallest number of images, for each set that the score uses."""
    uses_real_images: ClassVar[bool] = True
    """False for a score of the generated images alone. The reference split is then not part of its name."""
    needs_classes: ClassVar[bool] = False
    """True for a score of the logits. It is refused for an evaluator without classes."""
    needs_labels: ClassVar[bool] = False
    """True for a score of images with class labels (``labels`` of both sets). It is null for an unconditional G."""
    needs_full_rank_classes: ClassVar[bool] = False
    """True if each class needs more images than the features have dimensions."""
    has_classes: ClassVar[bool] = False
    """True if :meth:`by_class` gives the score of each class."""
    log_scale: ClassVar[bool] = False
    """True if all values are positive and may span orders of magnitude. Curves then may have a logarithmic axis."""
    measures: ClassVar[str]
    """The property that it measures, a clause for the documentation."""
    blind_to: ClassVar[str]
    """The properties that it does not measure, a clause for the documentation."""
    report: ClassVar[str]
    """One or two sentences for the report, Markdown. Scores with equal sentences share one paragraph."""
    computed_by: ClassVar[str] = ""
    """The program that gives the same values, Markdown with its citation. Empty for a score of this package alone."""
    remark: ClassVar[str] = ""
    """A sentence for the report about the computation in this package, if needed."""

    @classmethod
    def compute(cls, sets: Sets) -> float | Value | dict[str, float | Value]:
        """The value, or (value, spread, what the spread is over).

        A dictionary {name of a score: value} if one computation gives several scores. NaN and infinity become null.
        """
        raise NotImplementedError

    @classmethod
    def by_class(cls, sets: Sets) -> dict[int, float]:
        """Class -> the score of the images of this class; NaN where it cannot be computed. Only for ``has_classes``."""
        raise NotImplementedError

    @classmethod
    def infeasible(cls, protocol: ProtocolSpec, num_fake: int, num_real: int) -> str | None:
        """The reason why so many images are too few, with the key to change; None if they are enough."""
        del protocol
        found = min(num_fake, num_real) if cls.uses_real_images else num_fake
        return None if found >= cls.needs else f"{cls.title} needs at least {cls.needs} images, found {found}"

    @classmethod
    def name_part(cls, protocol: ProtocolSpec) -> str:
        """The part of the column name for protocol keys that only this score reads. Empty for their default values."""
        del protocol
        return ""

    @classmethod
    def label_part(cls, protocol: ProtocolSpec) -> str:
        """These keys in words, for captions: ``10 splits``."""
        del protocol
        return ""

    @classmethod
    def sentence_part(cls, protocol: ProtocolSpec) -> str:
        """These keys in a clause, for the report: ``IS averaged over 10 splits``."""
        del protocol
        return ""

    @classmethod
    def report_text(cls, protocols: Sequence[ProtocolSpec]) -> str:
        """The sentences of the report. protocols: those of the study that contain this score."""
        del protocols
        return cls.report

    @classmethod
    def noun(cls) -> str:
        """The name with article: ``the FID``, ``the share of near-duplicates``."""
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
    """Names of scores in the order of texts: the standard ones first, then the others by name."""
    from sngan_repro.config.protocol import METRICS

    return sorted(set(names), key=lambda name: (METRICS.index(name) if name in METRICS else len(METRICS), name))
