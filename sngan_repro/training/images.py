"""The training images that a run uses, and the law of the labels of its generated images."""

from __future__ import annotations

import numpy as np

from sngan_repro.config.specs import RunSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.split import even_share
from sngan_repro.nets.latents import LabelLaw


def rows_used(spec: RunSpec, labels: np.ndarray | None, num_train: int) -> np.ndarray:
    """Increasing indices of the training images that the run uses, int64.

    All, or a share of them (``data_fraction``) that the run's seed chooses, even over the classes if there are labels.
    """
    num = spec.num_used(num_train)
    if num == num_train:
        return np.arange(num)
    return even_share(np.zeros(num_train, np.int64) if labels is None else labels, num, spec.seed)


def label_law_of(spec: RunSpec, labels: np.ndarray | None, num_classes: int | None) -> LabelLaw:
    """The law of the labels of generated images in a class-conditional run.

    num_classes: default: one more than the largest label. Raises ConfigError if an image has no class.
    """
    if labels is None or len(labels) == 0 or labels.min() < 0:
        raise ConfigError(
            f"{spec.name}: `nets: {{conditional: true}}` needs a class for every training image, and the dataset "
            f"'{spec.data.source}' has none; remove `conditional`, or choose a dataset with classes"
        )
    num_classes = num_classes or int(labels.max()) + 1
    return LabelLaw.of(num_classes, labels if spec.nets.label_law == "data" else None)
