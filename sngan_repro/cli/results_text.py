"""Studies, their results, and comparisons of results, as text for a terminal or as JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sngan_repro.core.schema import ConfigError
from sngan_repro.core.text import MISSING, amount, decimals_by, half_width, interval, number
from sngan_repro.study.layout import CHANGES, Layout
from sngan_repro.study.study import Study


def columns(header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """A table of text in aligned columns. align: ``l`` or ``r`` per column."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    place = {"l": str.ljust, "r": str.rjust}
    lines = [
        "  ".join(place[side](cell, width) for cell, width, side in zip(row, widths, align, strict=True)).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join(lines)


def print_studies(results_dir: str | None, data_dir: str | None) -> None:
    """Every study file in config/studies: its name, its runs, how many are complete, and its title.

    A study with changes that has results follows its file.
    """
    from sngan_repro.config.machine import load_machine
    from sngan_repro.study.changes import recorded_changes
    from sngan_repro.study.load import STUDIES_DIR, load_study
    from sngan_repro.workflow.status import read_study

    given = {"results_dir": results_dir, "data_dir": data_dir}
    machine = load_machine({name: value for name, value in given.items() if value is not None})
    files = sorted(STUDIES_DIR.glob("*.yaml"))
    if not files:
        raise ConfigError(f"there is no study in {STUDIES_DIR}; run this in the repository's folder")
    rows = []
    for file, folder in _with_variants(files, Path(machine.results_dir)):
        try:
            study = load_study(str(file), recorded_changes(folder / CHANGES).texts if folder else ())
        except ConfigError as error:
            name = folder.name if folder else file.stem
            rows.append([name, MISSING, "cannot run", str(error).splitlines()[0]])
            continue
        layout, runs = Layout.of(machine, study), study.runs()
        state = MISSING
        if layout.root.exists():
            counts = read_study(study, layout, runs, time.time()).counts
            state = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        rows.append([study.name, str(len(runs)), state, study.title])
    print(columns(["study", "runs", "state", "title"], rows, "lrll"))


def _with_variants(files: Sequence[Path], results: Path) -> Iterator[tuple[Path, Path | None]]:
    """Each study file with None, and then with each folder of results of a study that a command changed."""
    folders = sorted(record.parent for record in results.glob(f"*/{CHANGES}"))
    for file in files:
        yield file, None
        yield from ((file, folder) for folder in folders if re.match(rf"{re.escape(file.stem)}\+[^+]*=", folder.name))


def print_results(study: Study, layout: Layout, form: str) -> None:
    """The main table of a study; form: ``text``, or all statistics as ``json`` or ``csv``."""
    from sngan_repro.analysis.summary import read_summary

    summary = read_summary(layout)
    if form == "csv":
        summary.to_csv(sys.stdout, index=False, lineterminator="\n")
        return
    if form == "json":
        print(summary.to_json(orient="records", indent=2, force_ascii=False))
        return
    from sngan_repro.analysis.outputs import chunks
    from sngan_repro.analysis.tables.tables import METRICS_PER_TABLE, best_table

    print(f"{study.name}: {study.title}")
    for dataset in study.datasets:
        for metrics in chunks(study.headline_metrics, METRICS_PER_TABLE):
            table = best_table(study, summary, dataset, metrics)
            print(f"\n{table.caption}\n")
            print(columns(table.header, table.rows, table.align))


def print_comparison(first: Path, second: Path, form: str) -> None:
    """The differences of two folders of results; form: ``text``, ``json`` or ``csv``."""
    from sngan_repro.analysis.compare import COLUMNS, compare_results

    rows = compare_results(first, second)
    if form == "json":
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if form == "csv":
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    print(
        f"A: {first}\nB: {second}\nDifference: A - B over the n seeds that both have, 95 % interval of Student's t.\n"
    )
    header = ["dataset", "metric", "method", "setting", "A", "B", "A - B", "95 % interval", "n", "p", "note"]
    print(columns(header, [_printed(row) for row in rows], "llllrrrrrrl"))


def _printed(row: dict[str, Any]) -> list[str]:
    half = half_width(row["ci_low"], row["ci_high"])

    def text(value: float | None) -> str:
        """With the digits that the interval of the difference allows, if there is one."""
        if value is None:
            return MISSING
        return number(value, decimals_by(half, 4)) if half else amount(value, 4)

    spread = interval(row["ci_low"], row["ci_high"], 3)
    names = [row["dataset"], row["metric"], row["label"], row["setting"] or MISSING]
    return [
        *names,
        *(text(row[name]) for name in ("mean_a", "mean_b", "difference")),
        spread,
        str(row["n"]),
        MISSING if row["p"] is None else f"{row['p']:.3f}",
        row["note"],
    ]
