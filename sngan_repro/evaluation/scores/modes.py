"""Modes covered by the generated images, and how evenly, by the classes that the evaluator's classifier gives them."""

from __future__ import annotations

from sngan_repro.core.lazy import np
from sngan_repro.evaluation.scores.base import SCORES, Score


class ModeScore(Score):
    """Base of both scores: they read the classes of generated images only."""

    uses_real_images = False
    needs_classes = True
    needs = 1


@SCORES.register("modes")
class Modes(ModeScore):
    """The number of classes that at least one generated image is assigned to (Metz et al. 2017; Lin et al. 2018)."""

    title = "Modes"
    long_title = "number of modes covered"
    higher_is_better = True
    measures = "no class of the data is left out"
    blind_to = "how often a class is drawn, how its images look, and variety within a class"
    report = (
        "**Modes** is the number of classes that the evaluator's classifier assigns at least one generated image to "
        "[@metz2017; @lin2018]. It grows with the number of images, so it is comparable within one protocol only; the "
        "row of real images shows what that many images reach."
    )

    @classmethod
    def compute(cls, sets):
        return float((class_counts(sets.fake["logits"]) > 0).sum())


@SCORES.register("modes_kl")
class ModesKL(ModeScore):
    """KL divergence of the shares of the classes of generated images from the uniform law, in nats."""

    title = "KL of modes"
    long_title = "divergence of the modes from equal shares"
    higher_is_better = False
    measures = "all classes are drawn equally often"
    blind_to = "how images look, variety within a class, and classes that the data do not have equally often"
    report = (
        "**KL of modes** is the Kullback-Leibler divergence from equal shares of the shares of the classes that the "
        "evaluator's classifier assigns to the generated images, in nats. It is 0 if each class is drawn equally "
        "often, and the logarithm of the number of classes if there is one class only. Since shares are estimated from "
        "few images, it is above 0 for a perfect generator, too, by about (classes - 1) / (2 x images)."
    )

    @classmethod
    def compute(cls, sets):
        return kl_to_uniform(class_counts(sets.fake["logits"]))


def class_counts(logits: np.ndarray) -> np.ndarray:
    """The number of images per class of the largest logit: (N, C) -> int64 (C,)."""
    return np.bincount(logits.argmax(axis=1), minlength=logits.shape[1])


def kl_to_uniform(counts: np.ndarray) -> float:
    """sum of p log(C p) over classes with images, p = counts / sum, in nats; from 0 to log C. counts: (C,)."""
    shares = counts[counts > 0] / counts.sum()
    return max(0.0, float((shares * np.log(len(counts) * shares)).sum()))
