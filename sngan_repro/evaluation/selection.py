"""Which snapshot of a run is its best, by each metric. No torch here: scoring and analysis both use it.

A best value over the training is too good: it is the luckiest of several samples. So the snapshot that it chooses is
scored once more on a fresh sample, whose luck the choice has not seen. What is compared remains a choice: it was made
by the same metric against the same real images.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.scores import SCORES

BEST = "best"
"""``selection`` of a record that was measured again on a fresh sample, of a snapshot chosen as the best; else null."""
RESAMPLE_SEED = 1_000_000
"""Added to a protocol's seed for the latents of the fresh sample; all else of the protocol keeps its own seed."""


def best_snapshots(
    protocols: Sequence[ProtocolSpec], scores: Iterable[tuple[str, int, float | None]]
) -> dict[str, int]:
    """Full metric name -> updates of the snapshot with the best score, the earliest of equals.

    scores: (full metric name, updates, score). A missing score is no candidate, so a metric without any has no best.
    """
    candidates: dict[str, list[tuple[float, int]]] = {}
    for name, updates, value in scores:
        if value is not None:
            candidates.setdefault(name, []).append((value, updates))
    best = {}
    for protocol in protocols:
        for metric, name in metric_names(protocol).items():
            if name in candidates:
                sign = -1 if SCORES.get(metric).higher_is_better else 1
                best[name] = min((sign * value, updates) for value, updates in candidates[name])[1]
    return best


def narrowed(protocols: Sequence[ProtocolSpec], names: Container[str]) -> list[ProtocolSpec]:
    """The protocols with only the metrics of these full names; a protocol without any is left out."""
    kept = [(p, tuple(metric for metric, name in metric_names(p).items() if name in names)) for p in protocols]
    return [protocol.model_copy(update={"metrics": metrics}) for protocol, metrics in kept if metrics]
