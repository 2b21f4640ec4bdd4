"""The tables summary.csv and comparisons.csv, and the printed tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from sngan_repro.analysis.aggregate import write_table
from sngan_repro.analysis.comparisons import COMPARISON_COLUMNS, comparison_rows
from sngan_repro.analysis.gallery import read_galleries
from sngan_repro.analysis.naming import REAL, arrow, duration, metric_header, metric_label, protocol_of, title_of
from sngan_repro.analysis.outputs import PUBLISHED_TABLE, chunks, class_metrics, printed_names, table_files
from sngan_repro.analysis.summary import (
    Results,
    best_setting,
    metric_decimals,
    read_results,
    real_score,
    summary_rows,
)
from sngan_repro.analysis.tables.artefacts import artefact_table
from sngan_repro.analysis.tables.best import print_best, study_column
from sngan_repro.analysis.tables.classes import class_tables
from sngan_repro.analysis.tables.gallery import gallery_table
from sngan_repro.analysis.tables.overall import overall_table
from sngan_repro.analysis.tables.printed import PrintedTable, latex_document, markdown_document
from sngan_repro.analysis.tables.published import published_table
from sngan_repro.analysis.tables.seeds import seeds_tables
from sngan_repro.analysis.tables.times import times_table
from sngan_repro.analysis.tabular import Row
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.files import write_text
from sngan_repro.core.sealed import write_record
from sngan_repro.core.text import MISSING, amount, enumeration, integer, interval, mean_sd
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study

METRICS_PER_TABLE = 2
STATISTICS = "Mean ± SD over the n training seeds that finished, with the 95 % interval of the mean by Student's t"
BEST_SETTING = "the one with the fewest diverged runs, and among those the best mean"
DIVERGED = "diverged: such runs of all runs, counted here and left out of the means"


def make_tables(study: Study, layout: Layout) -> None:
    """Write tables/summary.csv, tables/comparisons.csv and the printed tables as .md and .tex.

    Reads what ``aggregate`` wrote. Raises ConfigError naming a missing file.
    """
    results = read_results(layout)
    files = table_files(layout, study)
    rows = summary_rows(study, results)
    write_table(files["summary"], rows)
    summary = pd.DataFrame(rows)
    write_table(files["comparisons"], comparison_rows(study, results, summary), COMPARISON_COLUMNS)
    for name, by_dataset in printed_tables(study, results, summary, layout).items():
        tables = [table for tables in by_dataset.values() for table in tables]
        write_text(files[f"{name}_md"], markdown_document(tables))
        write_text(files[f"{name}_tex"], latex_document(tables))
    write_record(layout.tables / "tables", files.values())


def printed_tables(
    study: Study, results: Results, summary: pd.DataFrame, layout: Layout
) -> dict[str, dict[str, list[PrintedTable]]]:
    """Name of the printed table -> dataset -> its tables (several when the metrics do not fit side by side)."""
    headline = chunks(study.headline_metrics, METRICS_PER_TABLE)
    made: dict[str, dict[str, list[PrintedTable]]] = {name: {} for name in printed_names(study)}
    for dataset in study.datasets:
        made["best"][dataset] = [best_table(study, summary, dataset, metrics) for metrics in headline]
        made["settings"][dataset] = [settings_table(study, summary, dataset, metrics) for metrics in headline]
        made["all_scores"][dataset] = list(all_scores_tables(study, summary, dataset))
        made["seeds"][dataset] = seeds_tables(study, results, summary, dataset)
        made["cost"][dataset] = [cost_table(study, results, dataset)]
        if "overall" in made:
            made["overall"][dataset] = [
                overall_table(study, results, summary, dataset, name) for name in study.headline_metrics
            ]
        if "classes" in made:
            names = class_metrics(study)
            made["classes"][dataset] = [
                table for name in names for table in class_tables(study, results, summary, dataset, name)
            ]
        if "artefacts" in made:
            made["artefacts"][dataset] = [artefact_table(study, results, summary, dataset)]
        if study.published:
            found = published_table(study, study.published, summary, dataset)
            made[PUBLISHED_TABLE][dataset] = [found] if found else []
    if study.gallery:
        galleries = read_galleries(study, layout)
        made["gallery"] = {dataset: [gallery_table(study, galleries, dataset)] for dataset in study.datasets}
    if "times" in made:
        made["times"][""] = [times_table(study, results)]
    return made


def programs_note(study: Study) -> str:
    """The sentence of a caption about external programs, with a leading space; empty without any."""
    if not study.programs:
        return ""
    own = any(study.settings_of(label) == [OWN_SETTING] for label in study.programs)
    text = f" {enumeration(study.programs)}: "
    text += "external programs" if len(study.programs) > 1 else "an external program"
    text += f" (setting {OWN_SETTING}: none of the study's)" if own else ""
    return text + ", without fresh samples."


def _key(kind: str, dataset: str, metrics: Sequence[str] = ()) -> str:
    return "-".join([kind, dataset, *(metric.replace("@", "-") for metric in metrics[:1])])


def _cell(summary: pd.DataFrame, dataset: str, metric: str, label: str, setting: str) -> Row:
    """The row of summary.csv for one cell of the study."""
    rows = summary[
        (summary["dataset"] == dataset)
        & (summary["metric"] == metric)
        & (summary["label"] == label)
        & (summary["setting"] == setting)
    ]
    return rows.iloc[0]


def _share(rows: pd.DataFrame) -> str:
    """``1 of 6``: diverged runs."""
    return f"{int(rows['num_diverged'].sum())} of {int(rows['num_runs'].sum())}"


def best_table(study: Study, summary: pd.DataFrame, dataset: str, metrics: Sequence[str]) -> PrintedTable:
    """One row per method at its best setting, chosen per metric; real images first."""
    rows = summary[(summary["dataset"] == dataset) & (summary["metric"] == metrics[0])]
    diverged = {label: _share(rows[rows["label"] == label]) for label in study.labels}
    labels = "; ".join(metric_label(study, metric) for metric in metrics)
    what, flattered = "scores at the end of training", ""
    if len(study.settings) > 1:
        what = f"{'each' if len(study.labels) > 1 else 'the'} method at its best setting per metric: {BEST_SETTING}"
        flattered = " The settings are chosen by these same scores, so the means are somewhat too good."
    best = " Bold: the best mean, which need not be significantly better." if len(study.labels) > 1 else ""
    caption = (
        f"{dataset}: {what}. {labels}. {STATISTICS}, those of real images over n draws; {DIVERGED}, over all settings."
        f"{best}{flattered}{programs_note(study)}"
    )
    columns = [study_column(study, summary, dataset, metric) for metric in metrics]
    return print_best(_key("best", dataset, metrics), caption, study.labels, columns, diverged)


def settings_table(study: Study, summary: pd.DataFrame, dataset: str, metrics: Sequence[str]) -> PrintedTable:
    """Every method x setting; the re-sampled best snapshots have their own columns."""
    header, align = ["Method", "Setting"], "ll" + "rrr" * len(metrics) + "rr"
    for metric in metrics:
        header += [metric_header(study, metric), "95 % interval", "re-sampled best"]
    decimals = {metric: metric_decimals(summary, dataset, metric) for metric in metrics}
    rows: list[list[str]] = []
    bold, rules, several = set(), set(), len(study.settings) > 1
    for label in study.labels:
        rules.add(len(rows))
        for setting in study.settings_of(label):
            cells = [label, setting]
            for metric in metrics:
                cell, places = _cell(summary, dataset, metric, label, setting), decimals[metric]
                best = best_setting(study, summary, dataset, label, metric)
                if best is not None and best["setting"] == setting and several:
                    bold.add((len(rows), len(cells)))
                again = mean_sd(cell["resampled_best_mean"], cell["resampled_best_sd"], places)
                if 0 < cell["resampled_best_n"] != cell["n"]:
                    again += f" (n = {int(cell['resampled_best_n'])})"
                cells += [
                    mean_sd(cell["mean"], cell["sd"], places),
                    interval(cell["ci_low"], cell["ci_high"], places),
                    again,
                ]
            rows.append([*cells, str(int(cell["n"])), f"{cell['num_diverged']:.0f} of {cell['num_runs']:.0f}"])
    labels = "; ".join(metric_label(study, metric) for metric in metrics)
    in_bold = f"; a method's best setting in bold ({BEST_SETTING})" if several else ""
    caption = (
        f"{dataset}: every method and setting at the end of training{in_bold}. {labels}. {STATISTICS}. Re-sampled "
        "best: each seed's best snapshot over the training, chosen by the metric on one sample and measured on a "
        f"fresh one; {DIVERGED}.{programs_note(study)}"
    )
    header += ["n", "diverged"]
    return PrintedTable(_key("settings", dataset, metrics), caption, align, header, rows, bold, rules - {0})


def all_scores_tables(study: Study, summary: pd.DataFrame, dataset: str) -> Iterator[PrintedTable]:
    """One table per protocol: all its metrics for every method and setting, and for real images."""
    for protocol in study.scores:
        names = list(metric_names(protocol).values())
        decimals = {name: metric_decimals(summary, dataset, name) for name in names}
        header = [f"{title_of(protocol_of(study, name)[0])} {arrow(study, name)}" for name in names]
        scores = [real_score(summary, dataset, name) for name in names]
        real = [mean_sd(score.mean, score.sd, decimals[name]) for name, score in zip(names, scores, strict=True)]
        draws = str(max(score.n for score in scores))
        rows, rules = [[REAL, MISSING, *real, draws, MISSING]], set()
        for label in study.labels:
            rules.add(len(rows))
            for setting in study.settings_of(label):
                cells = [_cell(summary, dataset, name, label, setting) for name in names]
                finished = int(cells[0]["num_runs"] - cells[0]["num_diverged"])
                texts = []
                for name, cell in zip(names, cells, strict=True):
                    text = mean_sd(cell["mean"], cell["sd"], decimals[name])
                    texts.append(text if cell["n"] == finished else f"{text} (n = {int(cell['n'])})")
                diverged = f"{cells[0]['num_diverged']:.0f} of {cells[0]['num_runs']:.0f}"
                rows.append([label, setting, *texts, str(finished), diverged])
        labels = "; ".join(metric_label(study, name) for name in names)
        caption = (
            f"{dataset}: all scores of one protocol at the end of training. {labels}. "
            f"Mean ± SD over the n training seeds that finished, of real images over n draws; "
            f"{DIVERGED}.{programs_note(study)}"
        )
        header, align = ["Method", "Setting", *header, "n", "diverged"], "ll" + "r" * (len(names) + 2)
        yield PrintedTable(_key("all-scores", dataset, names), caption, align, header, rows, rule_before=rules)


def cost_table(study: Study, results: Results, dataset: str) -> PrintedTable:
    """The cost of each method, and of the evaluation."""
    header = ["Method", "runs", "training", "scoring", "images/s", "s per 1000 updates", "memory (MB)"]
    cost: Any = results.cost[results.cost["dataset"] == dataset].set_index(["stage", "label"])
    rows = []
    for label in study.labels:
        train, score = cost.loc[("train", label)], cost.loc[("score", label)]
        rows.append(
            [
                label,
                str(int(train["runs"])),
                duration(train["seconds"]),
                duration(score["seconds"]),
                amount(train["images_per_second"]),
                amount(train["seconds_per_1000_steps"]),
                integer(train["max_rss_mb"]),
            ]
        )
    rules = {len(rows)}
    for stage, label in cost.index:
        if stage in ("evaluator", "score real"):
            name = f"Evaluator: {label}" if stage == "evaluator" else f"{label} (scoring)"
            seconds = duration(cost.loc[(stage, label), "seconds"])
            times = [seconds, MISSING] if stage == "evaluator" else [MISSING, seconds]
            rows.append([name, "1", *times, *[MISSING] * 3])
    caption = (
        f"{dataset}: cost, summed over all runs of a method; memory is the largest resident set of a training "
        "process. images/s counts real images shown to D."
    )
    return PrintedTable(_key("cost", dataset), caption, "lrrrrrr", header, rows, rule_before=rules)
