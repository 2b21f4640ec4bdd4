"""Two plain measures of a set of samples: how sure the classifier is of them, and how often they repeat themselves."""

from __future__ import annotations

import numpy as np

from sngan_repro.evaluation.features import Features

PAIR_IMAGES = 2000
"""Images whose pairs are compared: two million pairs give a share of 1 % to about 0.01 %."""
NEAR = 1.0
"""Percentile of the distances between real images below which a pair counts as near."""


def confidence(logits: np.ndarray) -> float:
    """Mean probability of the most likely class, in [1 / C, 1]. logits: (N, C)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return float(np.mean(1 / np.exp(shifted).sum(axis=1)))


def distances(features: np.ndarray) -> np.ndarray:
    """Euclidean distances of all pairs of rows: (N, D) -> (N (N - 1) / 2,), float64."""
    from scipy.spatial.distance import pdist

    return pdist(features.astype(np.float64))


def near_duplicates(fake: Features, real: Features, seed: int) -> float:
    """Share of pairs of generated images that lie nearer to each other than 99 % of pairs of real ones do.

    About 0.01 for the real distribution itself; more says that samples repeat each other. From the first PAIR_IMAGES
    generated images, and as many real ones drawn by the seed.
    """
    available = len(real["features"])
    chosen = np.sort(np.random.default_rng(seed).permutation(available)[:PAIR_IMAGES])
    near = np.percentile(distances(real["features"][chosen]), NEAR)
    return float(np.mean(distances(fake["features"][:PAIR_IMAGES]) < near))
