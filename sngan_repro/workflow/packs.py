"""Groups of runs that share one GPU."""

from __future__ import annotations

from sngan_repro.config.specs import RunSpec


def packs(runs: list[RunSpec], size: int) -> list[list[RunSpec]]:
    """Groups of up to ``size`` consecutive runs of one dataset, in the order of the study."""
    found: list[list[RunSpec]] = []
    for run in runs:
        if not found or len(found[-1]) == size or found[-1][0].dataset != run.dataset:
            found.append([])
        found[-1].append(run)
    return found
