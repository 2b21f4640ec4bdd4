"""Mean confidence of the evaluator's classifier in the generated images."""

from __future__ import annotations

from sngan_repro.core.lazy import np
from sngan_repro.evaluation.scores.base import SCORES, Score


@SCORES.register("confidence")
class Confidence(Score):
    """Mean probability of the most likely class."""

    title = "Confidence"
    long_title = "confidence"
    higher_is_better = True
    needs = 1
    uses_real_images = False
    needs_classes = True
    measures = "the classifier is sure of each image"
    blind_to = "variety; a network can be sure of nonsense"
    report = (
        "**Confidence** is the mean probability that the evaluator's classifier gives to the most likely class of "
        "each generated image. It is high if the images look like known classes, whatever their variety."
    )

    @classmethod
    def compute(cls, sets):
        return confidence(sets.fake["logits"])


def confidence(logits: np.ndarray) -> float:
    """Mean probability of the most likely class, in [1 / C, 1]. logits: (N, C)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return float(np.mean(1 / np.exp(shifted).sum(axis=1)))
