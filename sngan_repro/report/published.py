"""A study and published values: words and numbers for published.md.j2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sngan_repro.analysis.naming import higher_is_better, metric_short, title_of
from sngan_repro.analysis.published import compared_metrics, shared_methods
from sngan_repro.analysis.stats import kendall_tau_b
from sngan_repro.analysis.tables.best import published_column, study_column
from sngan_repro.core.text import enumeration, number
from sngan_repro.study.reference import Kind, Reference
from sngan_repro.study.study import Study


def errors(found: Mapping[Kind, float]) -> str:
    """Errors of reading: ``0.05 (IS) and 2 (FID)``."""
    return enumeration(f"{error:g} ({title_of(kind)})" for kind, error in found.items())


def rankings(study: Study, reference: Reference, summary: pd.DataFrame, dataset: str) -> list[dict[str, Any]]:
    """Per metric that both have: the best shared method here and in the publication, and how well the rankings agree.

    Metrics by which fewer than two shared methods have a score are left out. tau is empty if it is undefined.
    """
    found = []
    for kind, metric in compared_metrics(study, reference).items():
        ours, theirs = (
            {label: best.mean for label, best in column.methods.items()}
            for column in (study_column(study, summary, dataset, metric), published_column(reference, kind))
        )
        both = [label for label in shared_methods(study, reference) if label in ours and label in theirs]
        if len(both) < 2:
            continue
        best = max if higher_is_better(study, metric) else min
        tau = kendall_tau_b([ours[label] for label in both], [theirs[label] for label in both])
        found.append(
            {
                "metric": metric_short(study, metric),
                "reference": reference.label,
                "here": best(both, key=ours.__getitem__),
                "there": best(both, key=theirs.__getitem__),
                "num_methods": len(both),
                "tau": "" if tau is None else number(tau, 2),
            }
        )
    return found
