"""Scores of any images against a prepared dataset, under a protocol, by the code that scores the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sngan_repro.api.data import dataset_spec, machine_of, prepare_dataset, prepare_evaluator
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.specs import DatasetSpec, EvaluatorSpec
from sngan_repro.core import runtime
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.data.arrays import even_order, read_images
from sngan_repro.data.dataset import PreparedData
from sngan_repro.evaluation.faults import stretched_uint8
from sngan_repro.evaluation.protocol import metric_name
from sngan_repro.evaluation.scorer import Images, Scorer
from sngan_repro.evaluation.scores import SCORES

Protocol = ProtocolSpec | Mapping[str, Any]


def score_images(
    images: np.ndarray | Path | str,
    dataset: DatasetSpec | Mapping[str, Any],
    protocols: Protocol | Sequence[Protocol],
    classifier: EvaluatorSpec | Mapping[str, Any] | None = None,
    data_dir: Path | str | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Scores of images against the real images of a dataset: one row per metric.

    images: uint8 (N, H, W, C), a ``.npy`` file of such an array, or a folder of image files of exactly the dataset's
    size and channels; see :func:`sngan_repro.data.arrays.read_images`. Of more than a protocol's ``num_fake`` an even
    draw by the protocol's seed is used, with each class folder's share. dataset: as under ``datasets`` in a study file.
    protocols: one or several, as under ``scores``; ``num_fake`` may be left out: then all images are scored.
    classifier: options of trained evaluators, as under ``classifier``; other options are another evaluator, and its
    scores compare with nothing else. data_dir: where prepared images and evaluators are, or are made when missing;
    default: that of config/config.yaml, else ``data``. device: auto | cpu | cuda | cuda:N.

    Columns: metric (full name with the protocol), value, spread, spread_over (what the spread is over, not trainings),
    higher_is_better, num_fake, num_real, evaluator, evaluator_digest, seconds. A value is NaN where it is not finite.

    Raises ConfigError for images of another type, size or number, and for protocols that need more real images.
    """
    spec = dataset_spec(dataset)
    options = (
        classifier
        if isinstance(classifier, EvaluatorSpec)
        else parse(EvaluatorSpec, dict(classifier or {}), "classifier")
    )
    chosen_device = runtime.setup(device)
    data = PreparedData.open(prepare_dataset(spec, data_dir))
    found = read_images(images, data.image_shape)
    if len(found) == 0:
        raise ConfigError("images: there are none")
    listed = [protocols] if isinstance(protocols, ProtocolSpec | Mapping) else list(protocols)
    chosen = [_protocol(protocol, len(found)) for protocol in listed]
    if not chosen:
        raise ConfigError("no protocol is given")
    names = dict.fromkeys(protocol.evaluator for protocol in chosen)
    folders = {name: prepare_evaluator(name, spec, options, data_dir, chosen_device) for name in names}
    scorer = Scorer(data, chosen, folders)
    scorer.check_feasible()
    weights = machine_of(data_dir).inception_weights
    scorer.load_extractors(chosen_device, Path(weights) if weights else None)
    generated: Images = {}
    for protocol in chosen:
        largest = max(other.num_distinct for other in chosen if other.images_key == protocol.images_key)
        order = even_order(images, len(found), protocol.seed) if largest < len(found) else np.arange(len(found))
        first = np.array(found[order[:largest]])
        generated[protocol.images_key] = stretched_uint8(first) if protocol.fault_contrast_stretch else first
    records = scorer.records({}, chosen, generated, None)
    kinds = [metric for protocol in chosen for metric in protocol.metrics]
    return pd.DataFrame([_row(kind, record) for kind, record in zip(kinds, records, strict=True)])


def _protocol(protocol: Protocol, num_images: int) -> ProtocolSpec:
    """The protocol, checked against the number of images."""
    if not isinstance(protocol, ProtocolSpec):
        protocol = parse(ProtocolSpec, {"num_fake": num_images, **protocol}, "protocol")
    name = metric_name(protocol, protocol.metrics[0])
    if protocol.num_distinct > num_images:
        raise ConfigError(
            f"{name}: {protocol.num_distinct} images are needed, {num_images} are given; give more, or lower "
            "`num_fake` (another number of images is another metric)"
        )
    if protocol.batch_norm == "batch":
        raise ConfigError(f"{name}: `batch_norm: batch` concerns sampling from a generator; remove it for images")
    return protocol


def _row(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    protocol = record["protocol"]
    return {
        "metric": record["metric"],
        "value": float("nan") if record["value"] is None else record["value"],
        "spread": float("nan") if record["spread"] is None else record["spread"],
        "spread_over": record["spread_over"],
        "higher_is_better": SCORES.get(kind).higher_is_better,
        "num_fake": protocol["num_fake_used"],
        "num_real": protocol["num_real_used"],
        "evaluator": protocol["evaluator"],
        "evaluator_digest": protocol["evaluator_digest"],
        "seconds": record["seconds"],
    }
