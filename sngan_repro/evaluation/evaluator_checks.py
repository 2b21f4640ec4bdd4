"""Checks of an evaluator while it is built: labels, values on real images, and that it has learned something."""

from __future__ import annotations

import numpy as np

from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData, Split
from sngan_repro.evaluation.evaluators import untrained
from sngan_repro.evaluation.features import Features

FEWEST_JUDGED = 100
"""Of fewer training images it is not judged whether the evaluator has learned anything."""


def check_labels(evaluator: str, data: PreparedData) -> None:
    """Raise ConfigError unless each training image has a label and there are at least two classes."""
    labels = data.labels("train")
    if np.any(labels < 0) or len(np.unique(labels)) < 2:
        name = data.info.get("source_title") or data.folder.name
        raise ConfigError(
            f"the evaluator '{evaluator}' needs labels of at least 2 classes, and of the {len(labels)} training images "
            f"of '{name}' ({data.folder}) {np.sum(labels < 0)} have none and the others "
            f"{len(np.unique(labels[labels >= 0]))} classes; use {untrained()} in the study's `scores`"
        )


def check_finite(evaluator: str, split: Split, features: Features) -> None:
    """Raise ConfigError if a feature or a logit of real images is not finite: every score would be empty."""
    if not all(np.isfinite(values).all() for values in features.values()):
        raise ConfigError(
            f"the evaluator '{evaluator}' gives values that are not finite for images of the {split} split, so no "
            "score can be computed; if it is trained, lower `classifier: lr`"
        )


def check_learned(evaluator: str, data: PreparedData, accuracy: float | None) -> None:
    """Raise ConfigError if a trained evaluator knows its training images no better than by their largest class."""
    counts = np.bincount(data.labels("train"))
    share = counts.max() / counts.sum()
    if counts.sum() >= FEWEST_JUDGED and (accuracy is None or accuracy <= share):
        raise ConfigError(
            f"the evaluator '{evaluator}' has learned nothing: it is right for {100 * (accuracy or 0):.1f} % of its "
            f"training images, and the largest class alone has {100 * share:.1f} %; change `classifier` (lr "
            "0.002, more epochs), check the labels, or use another evaluator"
        )
