"""Share of near-duplicates among the generated images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.core.lazy import np
from sngan_repro.evaluation.scores.base import SCORES, Score

if TYPE_CHECKING:
    from sngan_repro.evaluation.features import Features

PAIR_IMAGES = 2000
"""Number of images whose pairs are compared. Two million pairs give a share of 1 % to about 0.01 %."""
NEAR = 1.0
"""Percentile of the distances between real images; a smaller distance makes a pair near-duplicates."""


@SCORES.register("duplicates")
class Duplicates(Score):
    """Share of pairs of generated images that are nearer to each other than 99 % of the pairs of real images."""

    title = "Near-duplicates"
    long_title = "share of near-duplicates"
    higher_is_better = False
    measures = "share of pairs of images that are nearly equal"
    blind_to = "everything else"
    report = (
        "**Near-duplicates** is the share of pairs of generated images that are nearer to each other, in the "
        "evaluator's features, than 99 % of the pairs of real images. It is about 0.01 for real images, and larger if "
        "generated images repeat each other."
    )

    @classmethod
    def compute(cls, sets):
        return near_duplicates(sets.fake, sets.real, sets.protocol.seed)


def near_duplicates(fake: Features, real: Features, seed: int) -> float:
    """Share of pairs of generated images that are nearer to each other than 99 % of the pairs of real images, [0, 1].

    Its expectation is 0.01 if both sets have the same distribution. It uses the first PAIR_IMAGES generated images,
    and as many real ones drawn by the seed.
    """
    available = len(real["features"])
    chosen = np.sort(np.random.default_rng(seed).permutation(available)[:PAIR_IMAGES])
    near = np.percentile(distances(real["features"][chosen]), NEAR)
    return float(np.mean(distances(fake["features"][:PAIR_IMAGES]) < near))


def distances(features: np.ndarray) -> np.ndarray:
    """Euclidean distances of all pairs of rows: (N, D) -> (N (N - 1) / 2,), float64."""
    from scipy.spatial.distance import pdist

    return pdist(features.astype(np.float64))
