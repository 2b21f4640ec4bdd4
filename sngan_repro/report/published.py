"""What the report says of a study beside published values: Markdown sentences made from the data."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sngan_repro.analysis.naming import higher_is_better, metric_short, title_of
from sngan_repro.analysis.published import compared_metrics, shared_methods
from sngan_repro.analysis.stats import kendall_tau_b
from sngan_repro.analysis.tables.best import published_column, study_column
from sngan_repro.analysis.tables.printed import markdown_escape
from sngan_repro.core.text import enumeration, number
from sngan_repro.study.reference import Kind, Reference, Source
from sngan_repro.study.study import Study


def source_sentences(reference: Reference) -> list[str]:
    """Where the published values come from, and how they were read."""
    origin = f"The published values are those of *{markdown_escape(reference.title)}* [@{reference.citation}]"
    if reference.repository:
        where = reference.repository
        origin += f", whose code is at {markdown_escape(where.address)} (commit `{where.commit}`)"
    sentences = [origin + "."]
    parts: list[Source | None] = [reference.best_values, reference.bar_values, reference.curve_values]
    parts.append(reference.loss_readings)
    for source in parts:
        if source is None:
            continue
        how = {"printed": "printed there", "digitised": "measured on the published chart", "by eye": "read by eye"}
        known = f", with an error of about {_errors(source.errors)}" if source.errors else ""
        sentences.append(f"Values of its {source.where} are {how[source.how]}{known}.")
    curves = reference.curve_values
    if curves and curves.less_certain:
        hidden = _errors(curves.less_certain.errors)
        sentences.append(f"Points of its {curves.where} behind other lines have an error of about {hidden}.")
    if curves and curves.setting_from:
        sentences.append(
            f"Its {curves.where} is taken to show setting {markdown_escape(curves.setting)} "
            f"({markdown_escape(curves.setting_from)})."
        )
    if reference.inconsistencies:
        sentences.append(
            f"In {len(reference.inconsistencies)} places its text and its code, or two parts of its text, disagree; "
            "the data file lists them."
        )
    return sentences


def _errors(errors: Mapping[Kind, float]) -> str:
    return enumeration(f"{error:g} ({title_of(kind)})" for kind, error in errors.items())


def ranking_sentence(study: Study, reference: Reference, summary: pd.DataFrame, dataset: str) -> str:
    """Whether the shared methods rank alike here and there, by each metric; empty with fewer than two methods."""
    label = markdown_escape(reference.label)
    sentences = []
    for kind, metric in compared_metrics(study, reference).items():
        ours, theirs = study_column(study, summary, dataset, metric), published_column(reference, kind)
        both = [m for m in shared_methods(study, reference) if m in ours.methods and m in theirs.methods]
        if len(both) < 2:
            continue
        best = max if higher_is_better(study, metric) else min
        here = best(both, key=lambda label: ours.methods[label].mean)
        there = best(both, key=lambda label: theirs.methods[label].mean)
        tau = kendall_tau_b([ours.methods[m].mean for m in both], [theirs.methods[m].mean for m in both])
        leads = (
            f"{markdown_escape(here)} leads both here and in {label}"
            if here == there
            else f"{markdown_escape(here)} leads here and {markdown_escape(there)} in {label}"
        )
        agree = f"; the two rankings of {len(both)} methods have Kendall's $\\tau_b$ = {number(tau, 2)}" if tau else ""
        sentences.append(f"By {markdown_escape(metric_short(study, metric))}, {leads}{agree}.")
    return " ".join(sentences)


def missing_methods(study: Study, reference: Reference) -> str:
    """Published methods that the study does not have; empty when it has all."""
    lacking = [markdown_escape(label) for label in reference.methods if label not in study.labels]
    return f"The study does not have {enumeration(lacking)}." if lacking else ""
