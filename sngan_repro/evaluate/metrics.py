"""From features to metrics; every value equals that of torch-fidelity's direct call on the same images.

| metric    | what torch-fidelity calls it   | from     | spread                     |
|-----------|--------------------------------|----------|----------------------------|
| is        | inception_score_mean           | logits   | SD over the splits         |
| fid       | frechet_inception_distance     | features | none                       |
| kid       | kernel_inception_distance_mean | features | SD over the subsets        |
| precision | precision (3 neighbours)       | features | none                       |
| recall    | recall (3 neighbours)          | features | none                       |

``confidence`` and ``duplicates`` are our own (:mod:`sngan_repro.evaluate.samples`) and measured only when asked for.
The spread is over parts of one set of samples and says nothing about trainings. All are computed here, which is several
times faster than torch-fidelity's functions and needs none of its imports; the tests compare each value with its direct
call. FID and KID are more exact: by another form and in float64 where it matters (:mod:`sngan_repro.evaluate.frechet`).
"""

from __future__ import annotations

import math
import time

import numpy as np

from sngan_repro.config import ConfigError
from sngan_repro.evaluate.features import Features
from sngan_repro.evaluate.frechet import Gaussian, frechet_distance, gaussian
from sngan_repro.evaluate.inception_score import inception_score
from sngan_repro.evaluate.kernel_distance import kernel_distance
from sngan_repro.evaluate.neighbours import precision_recall
from sngan_repro.evaluate.samples import confidence, near_duplicates
from sngan_repro.feasible import infeasible
from sngan_repro.protocol import ProtocolSpec

RNG_SEED = 2020
"""torch-fidelity's default ``rng_seed``. A protocol uses 2020 + its own seed, so seed 0 gives the default call."""

Value = tuple[float | None, float | None, str | None]
"""value, spread, what the spread is over"""
Timed = dict[str, tuple[Value, float]]
"""metric -> (value, seconds)"""


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
    """:func:`compute` with the seconds that each metric took; precision and recall share theirs."""
    results: Timed = {}
    num_fake, num_real = len(fake["features"]), len(real["features"])
    for metric in protocol.metrics:
        started = time.perf_counter()
        if metric in results:
            continue
        if infeasible(metric, protocol, num_fake, num_real) is not None:
            results[metric] = ((None, None, None), 0.0)
        elif metric == "is":
            value: Value = _inception_score(protocol, fake)
            results["is"] = (value, time.perf_counter() - started)
        elif metric == "fid":
            fitted = reference if reference is not None else gaussian(real["features"])
            distance = frechet_distance(gaussian(fake["features"]), fitted)
            results["fid"] = ((_finite(distance), None, None), time.perf_counter() - started)
        elif metric == "confidence":
            results[metric] = ((_finite(confidence(fake["logits"])), None, None), time.perf_counter() - started)
        elif metric == "duplicates":
            share = near_duplicates(fake, real, protocol.seed)
            results[metric] = ((_finite(share), None, None), time.perf_counter() - started)
        elif metric == "kid":
            value = _kernel_distance(protocol, fake, real)
            results["kid"] = (value, time.perf_counter() - started)
        else:
            pair = precision_recall(fake, real)
            seconds = (time.perf_counter() - started) / 2
            results |= {name: ((_finite(v), None, None), seconds) for name, v in pair.items()}
    return {metric: results[metric] for metric in protocol.metrics}


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


def _inception_score(protocol: ProtocolSpec, fake: Features) -> Value:
    value, spread = inception_score(fake["logits"], protocol.is_splits, RNG_SEED + protocol.seed)
    if protocol.is_splits == 1:
        return _finite(value), None, None
    return _with_spread(value, spread, f"{protocol.is_splits} splits")


def _kernel_distance(protocol: ProtocolSpec, fake: Features, real: Features) -> Value:
    value, spread = kernel_distance(
        fake, real, protocol.kid_subsets, protocol.kid_subset_size, RNG_SEED + protocol.seed
    )
    return _with_spread(value, spread, f"{protocol.kid_subsets} subsets")


def _with_spread(value: float, spread: float, over: str) -> Value:
    return (value, _finite(spread), over) if math.isfinite(value) else (None, None, None)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
