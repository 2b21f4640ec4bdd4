"""How sure the evaluator's classifier is of the samples: a plain measure of this package."""

from __future__ import annotations

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
        "**Confidence** is the mean probability that the evaluator's classifier gives to the class it takes for the "
        "most likely one: high when samples look like something it knows, whatever their variety."
    )

    @classmethod
    def compute(cls, sets):
        from sngan_repro.evaluation.samples import confidence

        return confidence(sets.fake["logits"])
