"""From features to metrics, by torch-fidelity's own functions; every value equals its direct call on the same images.

| metric    | what torch-fidelity calls it   | from     | spread                     |
|-----------|--------------------------------|----------|----------------------------|
| is        | inception_score_mean           | logits   | SD over the splits         |
| fid       | frechet_inception_distance     | features | none                       |
| kid       | kernel_inception_distance_mean | features | SD over the subsets        |
| precision | precision (3 neighbours)       | features | none                       |
| recall    | recall (3 neighbours)          | features | none                       |

``confidence`` and ``duplicates`` are our own (:mod:`sngan_repro.evaluate.samples`) and measured only when asked for.
The spread is over parts of one set of samples and says nothing about trainings. Only FID is computed here (see
:mod:`sngan_repro.evaluate.frechet`): torch-fidelity's way is slower and less exact for singular covariances.
"""

from __future__ import annotations

import math
import time

import numpy as np
import torch

from sngan_repro.config import ConfigError
from sngan_repro.evaluate.features import Features
from sngan_repro.evaluate.frechet import Gaussian, frechet_distance, gaussian
from sngan_repro.evaluate.samples import confidence, near_duplicates
from sngan_repro.feasible import NEIGHBOURS, infeasible
from sngan_repro.protocol import ProtocolSpec

RNG_SEED = 2020
"""torch-fidelity's default ``rng_seed``. A protocol uses 2020 + its own seed, so seed 0 gives the default call."""
PRC_ROWS = 10_000
"""Larger sets go through torch-fidelity's `save_cpu_ram` form, block by block: 50,000 x 50,000 distances are 10 GB."""

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
    if set(protocol.metrics) != {"fid"}:
        import torch_fidelity  # noqa: F401  (takes seconds, once: not to be counted as the first metric's)
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
            pair = _precision_recall(fake, real)
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
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

    logits = torch.from_numpy(fake["logits"])
    found = isc_features_to_metric(logits, protocol.is_splits, shuffle=True, rng_seed=RNG_SEED + protocol.seed)
    if protocol.is_splits == 1:
        return _finite(found[KEY_METRIC_ISC_MEAN]), None, None
    return _with_spread(found[KEY_METRIC_ISC_MEAN], found[KEY_METRIC_ISC_STD], f"{protocol.is_splits} splits")


def _kernel_distance(protocol: ProtocolSpec, fake: Features, real: Features) -> Value:
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    found = kid_features_to_metric(
        torch.from_numpy(fake["features"]),
        torch.from_numpy(real["features"]),
        kid_subsets=protocol.kid_subsets,
        kid_subset_size=protocol.kid_subset_size,
        rng_seed=RNG_SEED + protocol.seed,
        verbose=False,
    )
    return _with_spread(found[KEY_METRIC_KID_MEAN], found[KEY_METRIC_KID_STD], f"{protocol.kid_subsets} subsets")


def _precision_recall(fake: Features, real: Features) -> dict[str, float]:
    """Precision: share of generated images among the real ones; recall: share of real images among the generated
    (Kynkäänniemi et al. 2019, arXiv:1904.06991). torch-fidelity's first argument is the generated set."""
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    generated, reference = torch.from_numpy(fake["features"]), torch.from_numpy(real["features"])
    found = prc_features_to_metric(
        generated,
        reference,
        prc_neighborhood=NEIGHBOURS,
        prc_batch_size=PRC_ROWS,
        save_cpu_ram=max(len(generated), len(reference)) > PRC_ROWS,
        verbose=False,
    )
    return {"precision": found[KEY_METRIC_PRECISION], "recall": found[KEY_METRIC_RECALL]}


def _with_spread(value: float, spread: float, over: str) -> Value:
    return (value, _finite(spread), over) if math.isfinite(value) else (None, None, None)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
