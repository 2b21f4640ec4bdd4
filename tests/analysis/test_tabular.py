"""Tables are read as they were written, and a wrong file is named."""

import numpy as np
import pandas as pd
import pytest

from sngan_repro.analysis.aggregate import write_table
from sngan_repro.analysis.outputs import aggregate_files, table_files
from sngan_repro.analysis.summary import read_comparisons, read_results
from sngan_repro.analysis.tabular import read_table
from sngan_repro.core.schema import ConfigError


def test_values_come_back_with_their_types(tmp_path):
    path = tmp_path / "some.csv"
    row = {
        "label": "NA",
        "setting": "007",
        "steps": 400,
        "value": 0.1 + 0.2,
        "last": True,
        "selection": None,
        "seed": None,
    }
    other = {
        "label": "nan",
        "setting": "",
        "steps": 5,
        "value": None,
        "last": False,
        "selection": 'a, "b"\n',
        "seed": None,
    }
    write_table(path, [row, other])
    table = read_table(path, "the test")
    assert table[["label", "setting", "selection"]].to_numpy().tolist() == [["NA", "007", ""], ["nan", "", 'a, "b"\n']]
    assert [table[name].dtype for name in ("steps", "last", "value", "seed")] == [
        np.int64,
        bool,
        np.float64,
        np.float64,
    ]
    assert table["value"][0] == 0.1 + 0.2
    assert table[["value", "seed"]].isna().to_numpy().tolist() == [[False, True], [True, True]]


def test_a_table_without_rows_has_its_columns(finished, tmp_path):
    comparisons = read_comparisons(finished.layout)
    write_table(tmp_path / "comparisons.csv", [], list(comparisons))
    table = read_table(tmp_path / "comparisons.csv", "make_tables")
    assert (len(table), list(table)) == (0, list(comparisons))


FAULTS = {
    "of an older version": (
        lambda text: text.replace("label", "method", 1).replace("steps", "updates", 1),
        r"scores\.csv: columns are missing: label, steps; delete it, and aggregate writes it again",
    ),
    "text for a number": (
        lambda text: text.replace("is600@classifier,9.5", "is600@classifier,high", 1),
        r"scores\.csv: expected numbers, found text in: value",
    ),
    "too many fields": (lambda text: text + "1," * 50 + "\n", r"scores\.csv: cannot be read as a table .*aggregate"),
    "too few fields": (lambda text: text[:-30] + "\n", r"scores\.csv: cannot be read as a table .*aggregate"),
    "empty": (lambda text: "", r"scores\.csv: cannot be read as a table"),
    "not text": (lambda text: "\udcff\udcfe", r"scores\.csv: "),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_table_is_named(broken, fault):
    change, message = FAULTS[fault]
    path = aggregate_files(broken.layout)["scores"]
    (broken.layout.tables / "aggregate.sha256").unlink()  # earlier versions wrote none
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ConfigError, match=message):
        read_results(broken.layout)


def test_a_missing_table_says_what_writes_it(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv: no such file; the test writes it"):
        read_table(tmp_path / "none.csv", "the test")


def test_text_columns_are_text_in_every_table(finished):
    for path in [*aggregate_files(finished.layout).values(), table_files(finished.layout)["summary"]]:
        table = read_table(path, "the test")
        for name in ("dataset", "label", "setting", "metric"):
            assert name not in table or all(isinstance(value, str) for value in table[name])
    assert pd.api.types.is_float_dtype(read_results(finished.layout).scores["value"])
