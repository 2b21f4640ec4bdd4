"""How often samples repeat themselves: a plain measure of this package."""

from __future__ import annotations

from sngan_repro.evaluation.scores.base import SCORES, Score


@SCORES.register("duplicates")
class Duplicates(Score):
    """Share of pairs of generated images that lie nearer to each other than 99 % of pairs of real ones do."""

    title = "Near-duplicates"
    long_title = "share of near-duplicates"
    higher_is_better = False
    measures = "share of pairs of images that are nearly alike"
    blind_to = "everything else"
    report = (
        "**Near-duplicates** is the share of pairs of generated images that lie nearer to each other, in the "
        "evaluator's features, than 99 % of pairs of real ones do: about 0.01 for real images, more when samples "
        "repeat each other."
    )

    @classmethod
    def compute(cls, sets):
        from sngan_repro.evaluation.samples import near_duplicates

        return near_duplicates(sets.fake, sets.real, sets.protocol.seed)
