"""Groups of runs that share one GPU."""

from __future__ import annotations

from collections.abc import Sequence

from sngan_repro.config.specs import RunSpec


def packs(runs: Sequence[RunSpec], size: int) -> list[list[RunSpec]]:
    """Groups of up to ``size`` consecutive runs of one dataset, in the order of the study."""
    found: list[list[RunSpec]] = []
    for run in {run.name: run for run in runs}.values():  # two cells of a study may be one run
        if not found or len(found[-1]) == size or found[-1][0].data.id != run.data.id:
            found.append([])
        found[-1].append(run)
    return found
