"""The printed table of measured times of updates."""

from __future__ import annotations

from sngan_repro.analysis.summary import Results
from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.analysis.times import times_of
from sngan_repro.core.text import amount
from sngan_repro.study.study import Study


def times_table(study: Study, results: Results) -> PrintedTable:
    """One row per method: per image size the median of the repeats, their range, and the ratio to the first method."""
    assert study.benchmark is not None
    found = times_of(study, results.times)
    sizes, labels = list(found["image_size"].unique()), list(found["label"].unique())
    cells = found.set_index(["label", "image_size"])
    header = ["Method"]
    for size in sizes:
        header += [f"{size} px (s)", "range", "ratio"]
    rows = []
    for label in labels:
        row = [label]
        for size in sizes:
            cell, first = cells.loc[(label, size)], cells.loc[(labels[0], size)]
            ratio = cell["median"] / first["median"]
            row += [amount(cell["median"]), f"{amount(cell['low'])} to {amount(cell['high'])}", f"{ratio:.2f}"]
        rows.append(row)
    assert results.times is not None
    device = results.times.attrs["device"]
    caption = (
        f"Seconds of 100 generator updates with {study.benchmark.n_dis} steps of D each, on random images, with no "
        f"other job of the study beside them ({device.get('name') or device.get('type')}): median and range of "
        f"{study.benchmark.repeats} measurements of at least {study.benchmark.min_seconds:g} s, and the ratio of the "
        f"medians to that of {labels[0]}."
    )
    return PrintedTable("times", caption, "l" + "rrr" * len(sizes), header, rows)
