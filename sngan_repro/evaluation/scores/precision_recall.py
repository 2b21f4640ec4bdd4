"""Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991), with the values of torch-fidelity."""

from __future__ import annotations

from sngan_repro.evaluation.scores.base import SCORES, Score

NEIGHBOURS = 3
"""k of the k-nearest-neighbour manifolds."""


class PrecisionRecall(Score):
    """What both have in common. One computation gives both; no spread."""

    higher_is_better = True
    needs = NEIGHBOURS + 1
    report = (
        "**Precision and recall** [@kynkaanniemi2019]: the share of generated images inside the manifold of real "
        "features, and the share of real images inside that of generated features, each manifold being a union of "
        f"balls around its points that reach to the nearest neighbour number $k = {NEIGHBOURS}$."
    )
    computed_by = "torch-fidelity [@obukhov2020]"

    @classmethod
    def compute(cls, sets):
        from sngan_repro.evaluation.neighbours import precision_recall

        return precision_recall(sets.fake, sets.real)


@SCORES.register("precision")
class Precision(PrecisionRecall):
    """Share of generated images among the real ones."""

    title = "Precision"
    long_title = "precision"
    measures = "generated images lie within the manifold of real features"
    blind_to = "missing variety"


@SCORES.register("recall")
class Recall(PrecisionRecall):
    """Share of real images among the generated ones."""

    title = "Recall"
    long_title = "recall"
    measures = "real images lie within the manifold of generated features"
    blind_to = "how good an image looks"
