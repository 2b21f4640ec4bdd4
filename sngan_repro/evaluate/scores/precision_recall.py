"""Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991), by torch-fidelity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.evaluate.scores.base import SCORES, Score

if TYPE_CHECKING:
    from sngan_repro.evaluate.features import Features

NEIGHBOURS = 3
"""k of the k-nearest-neighbour manifolds."""
PRC_ROWS = 10_000
"""Larger sets go through torch-fidelity's `save_cpu_ram` form, block by block: 50,000 x 50,000 distances are 10 GB."""


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
        return _precision_recall(sets.fake, sets.real)


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


def _precision_recall(fake: Features, real: Features) -> dict[str, float]:
    """Precision: share of generated images among the real ones; recall: share of real images among the generated.

    torch-fidelity's first argument is the generated set.
    """
    import torch
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    generated, reference = torch.from_numpy(fake["features"]), torch.from_numpy(real["features"])
    found = prc_features_to_metric(
        generated,
        reference,
        prc_neighborhood=NEIGHBOURS,
        prc_batch_size=PRC_ROWS,
        save_cpu_ram=max(len(generated), len(reference)) > PRC_ROWS,
        verbose=False,
    )
    return {"precision": found[KEY_METRIC_PRECISION], "recall": found[KEY_METRIC_RECALL]}
