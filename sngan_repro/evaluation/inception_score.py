"""The Inception Score (Salimans et al. 2016, arXiv:1606.03498), the same numbers as torch-fidelity's ``isc``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch


def inception_score(logits: np.ndarray, splits: int, seed: int) -> tuple[float, float]:
    """exp of the mean KL(p(c | x) || p(c)), mean and standard deviation over parts of the shuffled images.

    logits: (N, C), N at least ``splits``; ``seed`` shuffles. p(c) is the mean over the part. In float64.
    """
    order = np.random.RandomState(seed).permutation(len(logits))
    shuffled = torch.from_numpy(logits[order]).double()
    p, log_p = shuffled.softmax(dim=1), shuffled.log_softmax(dim=1)
    bounds = [index * len(logits) // splits for index in range(splits + 1)]
    scores = []
    for first, last in pairwise(bounds):
        part, log_part = p[first:last], log_p[first:last]
        divergence = (part * (log_part - part.mean(dim=0, keepdim=True).log())).sum(dim=1)
        scores.append(divergence.mean().exp().item())
    return float(np.mean(scores)), float(np.std(scores))
