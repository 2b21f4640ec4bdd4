"""The table of the study's best scores and the published ones, and the table of the published ones alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from sngan_repro.analysis.aggregate import write_table
from sngan_repro.analysis.naming import REAL, higher_is_better, metric_header, metric_label
from sngan_repro.analysis.published import compared_metrics, incomparable, protocol_differences, shared_methods
from sngan_repro.analysis.tables.best import BestColumn, print_best, published_column, study_column
from sngan_repro.analysis.tables.printed import PrintedTable, latex_document, markdown_document
from sngan_repro.core.files import write_text
from sngan_repro.core.text import MISSING, number
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study


def published_table(
    study: Study, reference: Reference, summary: pd.DataFrame, dataset: str, listed: bool = True
) -> PrintedTable | None:
    """One row per method of the study: ours, published, difference, ranks; None when no metric was published.

    listed: the caption lists the differences between the protocols.
    """
    compared = compared_metrics(study, reference)
    if not compared:
        return None
    shared = shared_methods(study, reference)
    header, align, rows = ["Method"], "l", [[REAL], *([label] for label in study.labels)]
    for kind, metric in compared.items():
        ours, theirs = study_column(study, summary, dataset, metric), published_column(reference, kind)
        same_unit = not incomparable(study, reference, dataset, metric)
        header += [metric_header(study, metric), "published", "difference", "ranks"]
        align += "rrrr"
        up = higher_is_better(study, metric)
        places = [_ranks(column, shared, up) for column in (ours, theirs)]
        for row in rows:
            label = row[0]
            mine, other = _entry(ours, label), _entry(theirs, label)
            difference = mine[0] - other[0] if same_unit and mine[0] is not None and other[0] is not None else None
            ranked = label in shared
            row += [
                mine[1],
                other[1],
                number(difference, _places(ours, label)),
                f"{places[0].get(label, MISSING)} / {places[1].get(label, MISSING)}" if ranked else MISSING,
            ]
    caption = _caption(study, reference, dataset, compared)
    if listed:
        texts = [text.replace("; ", ", ") for text in protocol_differences(study, reference)]
        caption += f" The protocols differ in: {'; '.join(texts)}."
    return PrintedTable(f"published-{dataset}", caption, align, header, rows, rule_before={1})


def _entry(column: BestColumn, label: str) -> tuple[float | None, str]:
    """(value, as it is printed with its setting) of a method or of real data."""
    if label == REAL:
        real = column.real.mean if column.real else None
        return real, number(real, _places(column, label))
    best = column.methods.get(label)
    return (best.mean, f"{best.text(column.decimals)} ({best.setting})") if best else (None, MISSING)


def _places(column: BestColumn, label: str) -> int:
    """Decimals of the value of a method or of real data."""
    best = column.real if label == REAL else column.methods.get(label)
    return best.places(column.decimals) if best else column.decimals


def _ranks(column: BestColumn, labels: list[str], higher_is_better: bool) -> dict[str, int]:
    """Method -> its rank among ``labels``; equal values share the better rank."""
    values = {label: column.methods[label].mean for label in labels if label in column.methods}
    sign = -1 if higher_is_better else 1
    return {label: 1 + sum(sign * other < sign * mean for other in values.values()) for label, mean in values.items()}


def _caption(study: Study, reference: Reference, dataset: str, compared: dict[str, str]) -> str:
    ours = "; ".join(metric_label(study, metric) for metric in compared.values())
    source = reference.best_values
    read_off = " (read off the bars that match)" if reference.best_settings else ""
    reasons = {metric: incomparable(study, reference, dataset, metric) for metric in compared.values()}
    missing = "".join(
        f" No difference between scores is given, since {reason}."
        for reason in dict.fromkeys(reasons.values())
        if reason
    )
    spread = "mean ± SD over the training seeds that finished" if len(study.seeds) > 1 else "one seed"
    return (
        f"{dataset}: the best score of each method here and in {reference.label} ({reference.year}, {source.where}), "
        f"with its setting in brackets{read_off}. Here: {ours}; {spread}. Difference: here minus published. Ranks: "
        f"here / published, among the methods that both have.{missing}"
    )


def write_published(reference: Reference, folder: Path) -> list[Path]:
    """The published table alone, as .md, .tex and .csv, laid out like the study's own table of best settings."""
    source = reference.best_values
    columns = [published_column(reference, kind) for kind in source.values]
    how = {"printed": "as printed", "digitised": "digitised", "by eye": "read by eye"}[source.how]
    settings = " The settings are read off the figures." if reference.best_settings else ""
    caption = (
        f"{reference.title} ({', '.join(reference.authors)}, {reference.year}), {source.where}: the best score of each "
        f"method over its settings, {how}.{settings} Best values in bold."
    )
    table = print_best(file_stem(source.where), caption, reference.methods, columns, None)
    rows: list[dict[str, Any]] = [
        {"metric": kind, "label": label, "setting": _setting(column, label), **found.to_dict()}
        for kind, column in zip(source.values, columns, strict=True)
        for label, found in reference.best(kind).items()
    ]
    files = [folder / f"{file_stem(source.where)}.{suffix}" for suffix in ("md", "tex", "csv")]
    write_text(files[0], markdown_document([table]))
    write_text(files[1], latex_document([table]))
    write_table(files[2], rows)
    return files


def _setting(column: BestColumn, label: str) -> str | None:
    best = column.methods.get(label)
    return best.setting if best and best.setting != MISSING else None


def file_stem(where: str) -> str:
    """``Table 1`` -> ``table1``."""
    return "".join(char for char in where.lower() if char.isalnum())
