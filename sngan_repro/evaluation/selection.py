"""The best snapshot of a run by each metric. No torch here: scoring and analysis both use it.

The best value over the training is biased: it is the best of several noisy values. Therefore the chosen snapshot is
scored once more on a fresh sample, which does not influence the choice. A part of the bias remains: the choice uses the
same metric and the same real images.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from sngan_repro.config.protocol import RESAMPLE_SEED as RESAMPLE_SEED
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.scores import SCORES

BEST = "best"
"""``selection`` of a record on a fresh sample of the best snapshot. It is null in all other records."""
REAL_SEED = 2_000_000
"""Added to the protocol's seed, with the number of the draw, for draws of real images."""
REAL_DRAWS = 5
"""Draws of real images that are scored as if they were generated."""


def best_snapshots(
    protocols: Sequence[ProtocolSpec], scores: Iterable[tuple[str, int, float | None]]
) -> dict[str, int]:
    """Full metric name -> generator updates (steps) of the snapshot with the best score; the earliest of equal ones.

    scores: (full metric name, steps, score). Missing scores are ignored. A metric without any score is left out.
    """
    candidates: dict[str, list[tuple[float, int]]] = {}
    for name, steps, value in scores:
        if value is not None:
            candidates.setdefault(name, []).append((value, steps))
    best = {}
    for protocol in protocols:
        for metric, name in metric_names(protocol).items():
            if name in candidates:
                sign = -1 if SCORES.get(metric).higher_is_better else 1
                best[name] = min((sign * value, steps) for value, steps in candidates[name])[1]
    return best


def narrowed(protocols: Sequence[ProtocolSpec], names: Container[str]) -> list[ProtocolSpec]:
    """The protocols, reduced to the metrics with these full names. A protocol without any is left out."""
    kept = [(p, tuple(metric for metric, name in metric_names(p).items() if name in names)) for p in protocols]
    return [protocol.model_copy(update={"metrics": metrics}) for protocol, metrics in kept if metrics]
