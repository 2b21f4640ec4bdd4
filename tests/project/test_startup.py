"""What jobs import: seconds at every start, for nothing when a module is not needed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from sngan_repro.training.log import write_parquet


@pytest.mark.slow
def test_a_training_imports_neither_torchvision_nor_pandas_nor_snakemake(tiny_run, tiny_images, tmp_path):
    spec = tiny_run(budget={"steps": 2}, snapshots={"count": 1})
    given = ["train", "--spec", spec.to_json(), "--run", str(tmp_path / "run"), "--dataset", str(tiny_images)]
    given += ["--device", "cpu", "--threads", "1", "--no-tensorboard"]
    not_needed = {"torchvision", "torch_fidelity", "pandas", "snakemake", "matplotlib", "torch._dynamo"}
    code = (
        f"import sys; from sngan_repro.cli.main import main; main({given!r}); print({not_needed!r} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (tmp_path / "run" / "train.parquet").exists()
    assert found.stdout.strip() == "set()"


def test_the_log_is_what_pyarrow_makes_of_the_columns(tmp_path):
    columns = {
        "step": np.arange(5),
        "d_loss": np.array([1, np.nan, -np.inf, 4, 5]),
        "strided": np.arange(10.0).reshape(5, 2).T[1],
    }
    write_parquet(tmp_path / "log.parquet", columns)
    read = pyarrow.parquet.read_table(tmp_path / "log.parquet")
    assert read.schema.equals(pyarrow.table(columns).schema)
    for name, values in columns.items():
        assert np.array_equal(read[name].to_numpy(), values, equal_nan=True)
        assert read[name].null_count == 0
