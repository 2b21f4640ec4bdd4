"""The share of generated images that the evaluator's classifier assigns to the class that G was given."""

from __future__ import annotations

from sngan_repro.core.lazy import np
from sngan_repro.evaluation.scores.base import SCORES, Score


@SCORES.register("class_accuracy")
class ClassAccuracy(Score):
    """Agreement of the class given to G with the largest logit; meaningful where the classes are the dataset's."""

    title = "Class accuracy"
    long_title = "share of images of the intended class"
    higher_is_better = True
    uses_real_images = False
    needs = 1
    needs_classes = True
    needs_labels = True
    has_classes = True
    measures = "images show the class that the generator was given"
    blind_to = "variety within a class, and anything that the classifier does not look at"
    report = (
        "The **class accuracy** is the share of generated images that a classifier trained on the real images assigns "
        "to the class that the generator was given. For real images it is the accuracy of the classifier."
    )

    @classmethod
    def compute(cls, sets):
        return float((sets.fake["logits"].argmax(axis=1) == sets.fake["labels"]).mean())

    @classmethod
    def by_class(cls, sets):
        labels = sets.fake["labels"]
        right = sets.fake["logits"].argmax(axis=1) == labels
        return {int(label): float(right[labels == label].mean()) for label in np.unique(labels) if label >= 0}
