"""Checks of studies whose networks or scores use class labels. No torch here."""

from __future__ import annotations

import math
from pathlib import Path

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.record import read_prepared
from sngan_repro.data.sources import source_info
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.study.study import Study


def conditional_labels(study: Study) -> list[str]:
    """The labels of the methods whose networks use class labels, in the order of the file."""
    found = {run.label for run in study.trained_runs() if run.nets.conditional}
    return [label for label in study.labels if label in found]


def check_classes(study: Study, dataset: str, labelled: bool) -> None:
    """Raise ConfigError if class-conditional networks are asked of a dataset without classes."""
    if not labelled and (labels := conditional_labels(study)):
        raise ConfigError(
            f"methods: {labels[0]}: nets: conditional: the images of the dataset '{dataset}' have no classes; remove "
            "`conditional`, or choose a dataset with classes (a folder: one folder per class; stl10: `split: train`)"
        )


def check_prepared_classes(study: Study, dataset: str, folder: Path) -> None:
    """:func:`check_classes` for images that are prepared already; nothing is checked before they are."""
    if (found := read_prepared(folder)) is not None:
        check_classes(study, dataset, found["classes"] is not None)


def check_label_scores(study: Study) -> None:
    """Raise ConfigError if a score that needs labels cannot be computed for any method, or has too few images."""
    for index, protocol in enumerate(study.scores):
        for metric in protocol.metrics:
            if not SCORES.get(metric).needs_labels:
                continue
            where = f"scores.{index}: metrics: {metric}"
            if not conditional_labels(study):
                raise ConfigError(
                    f"{where}: compares images of a class, and no method of this study has `nets: {{conditional: "
                    "true}}`; remove it"
                )
            if not EVALUATORS.get(protocol.evaluator).trained:
                raise ConfigError(
                    f"{where}: needs an evaluator that knows the classes of the dataset; use `evaluator: classifier`"
                )
            for dataset in study.datasets:
                _check_class_sizes(study, protocol, metric, dataset, where)


def _check_class_sizes(study: Study, protocol: ProtocolSpec, metric: str, dataset: str, where: str) -> None:
    """A class needs more images than the features have dimensions, or its covariance has no full rank."""
    if not SCORES.get(metric).needs_full_rank_classes:
        return
    info, dim = source_info(study.datasets[dataset]), study.classifier.feature_dim
    if info.num_classes is None:
        return
    available = {"train": info.num_train, "test": info.num_test}[protocol.reference]
    fewest = protocol.num_distinct / info.num_classes
    fewest -= 4 * math.sqrt(fewest)  # labels are drawn at random
    counts = [("generated", "num_fake", fewest)]
    if available is not None:
        num_real = min(protocol.num_real or available, available)
        counts.append(("real", "num_real", num_real / info.num_classes))
    for what, key, count in counts:
        if count <= dim:
            raise ConfigError(
                f"{where}: dataset '{dataset}': a class has about {max(0, int(count))} {what} images, and needs more "
                f"than the {dim} features of the classifier; raise `{key}`, or lower `classifier: feature_dim`"
            )
