"""From features to scores. Each score is computed by its own file in :mod:`sngan_repro.evaluation.scores`.

IS, FID, KID, precision and recall equal the values of torch-fidelity for the same images. They are computed here
because this is several times faster and does not import torch-fidelity. The spread of a score is over parts of one set
of samples, not over training runs.
"""

from __future__ import annotations

import math
import time

import numpy as np

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.feasible import infeasible
from sngan_repro.evaluation.features import Features, KeptFeatures, device_of
from sngan_repro.evaluation.scores import SCORES, Sets, Value

NO_VALUE: Value = (None, None, None)
Timed = dict[str, tuple[Value, float]]
"""metric -> (value, seconds)"""


def compute(protocol: ProtocolSpec, fake: Features, real: Features) -> dict[str, Value]:
    """The protocol's metrics of generated and real images: metric -> (value, spread, what the spread is over).

    fake, real: exactly the images to score. The protocol's numbers of images are not applied here; see :func:`select`.
    The protocol's seed decides the shuffling for the Inception Score's splits and the subsets of KID.
    A value is None if there are too few images (see :func:`infeasible`), if the score needs labels and there are none,
    or if it is not finite.
    """
    return {metric: value for metric, (value, _) in timed(protocol, fake, real).items()}


def timed(protocol: ProtocolSpec, fake: Features, real: Features) -> Timed:
    """:func:`compute`, with the seconds for each metric. Scores of one computation share its seconds equally."""
    if not isinstance(fake, KeptFeatures):
        fake = KeptFeatures(fake, device_of(real))  # they go to the device once for all scores
    sets = Sets(fake, real, protocol)
    num_fake, num_real = len(fake["features"]), len(real["features"])
    results: Timed = {}
    for metric in protocol.metrics:
        if metric in results:
            continue
        unlabelled = SCORES.get(metric).needs_labels and not ("labels" in fake and "labels" in real)
        if unlabelled or infeasible(metric, protocol, num_fake, num_real) is not None:
            results[metric] = (NO_VALUE, 0.0)
            continue
        started = time.perf_counter()
        found = SCORES.get(metric).compute(sets)
        values = found if isinstance(found, dict) else {metric: found}
        seconds = (time.perf_counter() - started) / len(values)
        results |= {name: (_checked(value), seconds) for name, value in values.items()}
    return {metric: results[metric] for metric in protocol.metrics}


def _checked(value: float | Value) -> Value:
    """(value, spread, what the spread is over); a number that is not finite becomes None."""
    number, spread, over = value if isinstance(value, tuple) else (value, None, None)
    if number is None or not math.isfinite(number):
        return NO_VALUE
    return float(number), None if spread is None or not math.isfinite(spread) else float(spread), over


def select(count: int, available: int, seed: int) -> np.ndarray:
    """Indices of ``count`` of ``available`` images, drawn without replacement by the seed, in increasing order.

    The first images would be a biased choice, since prepared images may be ordered by class.
    """
    if count > available:
        raise ConfigError(f"{count} images are needed, but there are {available}")
    if count == available:
        return np.arange(available)
    return np.sort(np.random.default_rng(seed).permutation(available)[:count])


def take(features: Features, indices: np.ndarray | slice) -> Features:
    """The features and logits of some of the images."""
    return {name: values[indices] for name, values in features.items()}
