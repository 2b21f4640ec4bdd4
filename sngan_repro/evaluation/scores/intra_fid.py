"""The FID within classes, for class-conditional generators (Miyato and Koyama 2018, arXiv:1802.05637)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.core.lazy import np
from sngan_repro.evaluation.features import device_of, memoize
from sngan_repro.evaluation.scores.base import SCORES, Score
from sngan_repro.evaluation.scores.frechet_distance import frechet_distance, gaussian

if TYPE_CHECKING:
    import torch

    from sngan_repro.evaluation.features import Features


@SCORES.register("intra_fid")
class IntraClassFID(Score):
    """The mean over classes of the FID of the images of a class; its spread is the SD over the classes."""

    title = "Intra-FID"
    long_title = "intra-class Fréchet distance"
    higher_is_better = False
    needs_labels = True
    needs_full_rank_classes = True
    has_classes = True
    log_scale = True
    measures = "in each class, mean and covariance of the features agree with those of the real images of that class"
    blind_to = (
        "anything beyond mean and covariance; it is biased upward, more than the FID, since a class has few images"
    )
    report = (
        "The **intra-class FID** [@miyato2018projection] is the mean over the classes of the FID between the generated "
        "and the real images of a class. Lower is better. Each class has a fraction of the images, so it is biased "
        "upward by more than the FID. It needs labels: generators without classes have none."
    )

    @classmethod
    def compute(cls, sets):
        values = np.array(list(cls.by_class(sets).values()))
        return float(values.mean()), float(values.std()), f"{len(values)} classes"

    @classmethod
    def by_class(cls, sets):
        return class_distances(sets.fake, sets.real)


def class_distances(fake: Features, real: Features) -> dict[int, float]:
    """Class -> FID between its generated and its real images, for each class of the real images, in their order.

    NaN for a class that has no more images than features in one of the sets: its covariance has no full rank, and the
    distance would measure the number of images.
    """
    device = device_of(real)
    classes = memoize(
        real, "classes", lambda: {int(c): _gaussian_of(real, c, device) for c in np.unique(real["labels"]) if c >= 0}
    )
    distances = {}
    for label, of_real in classes.items():
        of_fake = _gaussian_of(fake, label, device)
        distances[label] = float("nan") if of_real is None or of_fake is None else frechet_distance(of_fake, of_real)
    return distances


def _gaussian_of(features: Features, label: int, device: torch.device):
    """The Gaussian of a class; None if the class has no more images than features."""
    values = features["features"][features["labels"] == label]
    return gaussian(values, device) if len(values) > values.shape[1] else None
