"""From features to scores. What a score is and how it is computed is in :mod:`sngan_repro.evaluation.scores`.

Values of torch-fidelity's scores equal its direct call on the same images, though they are computed here, which is
several times faster and needs none of its imports. The spread is over parts of one set of samples and says nothing
about trainings.
"""

from __future__ import annotations

import math
import time

import numpy as np

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.feasible import infeasible
from sngan_repro.evaluation.features import Features
from sngan_repro.evaluation.frechet import Gaussian
from sngan_repro.evaluation.scores import SCORES, Sets, Value

RNG_SEED = 2020
"""torch-fidelity's default ``rng_seed``. A protocol uses 2020 + its own seed, so seed 0 gives the default call."""

NO_VALUE: Value = (None, None, None)
Timed = dict[str, tuple[Value, float]]
"""metric -> (value, seconds)"""


def rng_seed(protocol: ProtocolSpec) -> int:
    """The ``rng_seed`` of torch-fidelity's functions under a protocol."""
    return RNG_SEED + protocol.seed


def compute(
    protocol: ProtocolSpec, fake: Features, real: Features, reference: Gaussian | None = None
) -> dict[str, Value]:
    """The protocol's metrics of generated against real images: metric -> (value, spread, what it is over).

    fake, real: exactly the images to score (the protocol's counts are not applied here); see :func:`select`.
    reference: ``gaussian(real["features"])`` when it is at hand already. The protocol's seed drives the shuffling
    before the Inception Score's splits and the choice of KID's subsets.
    A value is None when it cannot be computed from so few images (see :func:`infeasible`) or is not finite.
    """
    return {metric: value for metric, (value, _) in timed(protocol, fake, real, reference).items()}


def timed(protocol: ProtocolSpec, fake: Features, real: Features, reference: Gaussian | None = None) -> Timed:
    """:func:`compute` with the seconds that each metric took; scores of one computation share theirs equally."""
    sets = Sets(fake, real, protocol, reference)
    num_fake, num_real = len(fake["features"]), len(real["features"])
    results: Timed = {}
    for metric in protocol.metrics:
        if metric in results:
            continue
        if infeasible(metric, protocol, num_fake, num_real) is not None:
            results[metric] = (NO_VALUE, 0.0)
            continue
        started = time.perf_counter()
        found = SCORES.get(metric).compute(sets)
        values = found if isinstance(found, dict) else {metric: found}
        seconds = (time.perf_counter() - started) / len(values)
        results |= {name: (_checked(value), seconds) for name, value in values.items()}
    return {metric: results[metric] for metric in protocol.metrics}


def _checked(value: float | Value) -> Value:
    """A score's answer as value, spread and what the spread is over; not finite is None."""
    number, spread, over = value if isinstance(value, tuple) else (value, None, None)
    if number is None or not math.isfinite(number):
        return NO_VALUE
    return float(number), None if spread is None or not math.isfinite(spread) else float(spread), over


def select(count: int, available: int, seed: int) -> np.ndarray:
    """Indices of ``count`` of ``available`` images, drawn without replacement by the seed, in rising order.

    Prepared images may be ordered by class, so the first ones would be a biased choice.
    """
    if count > available:
        raise ConfigError(f"{count} images are asked for, there are {available}")
    if count == available:
        return np.arange(available)
    return np.sort(np.random.default_rng(seed).permutation(available)[:count])


def take(features: Features, indices: np.ndarray | slice) -> Features:
    """The same features of some of the images."""
    return {name: values[indices] for name, values in features.items()}
