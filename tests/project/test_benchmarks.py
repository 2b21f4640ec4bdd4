"""The parts that benchmarks share, and their options. tests/end_to_end/test_benchmarks.py runs them."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def common():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks import common

        yield common


BENCHMARKS = [
    "calibration",
    "dag",
    "export",
    "gpu",
    "memory",
    "pack",
    "prepare",
    "profile",
    "score",
    "startup",
    "stream",
    "study",
    "train",
    "write",
]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_explains_its_options(name, monkeypatch, capsys):
    """In this process: starting PyTorch once per benchmark would take most of the time."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(sys, "argv", [f"benchmarks.{name}", "--help"])
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / f"benchmarks/{name}.py"), run_name="__main__")
    assert stopped.value.code in (None, 0)
    printed = capsys.readouterr().out.replace("[", " ").replace("]", " ").split()
    assert {"--quick", "--out", "--device", "--threads"} <= set(printed)


class TestCommon:
    def test_variants_alternate_and_the_warm_up_is_left_out(self, common):
        calls = []

        def variant(name):
            return lambda: calls.append(name) or float(len(calls))

        times = common.interleave({"a": variant("a"), "b": variant("b")}, rounds=3, warmup=2)
        assert len(calls) == 10
        assert all(set(calls[at : at + 2]) == {"a", "b"} for at in range(0, 10, 2))
        assert [len(values) for values in times.values()] == [3, 3]
        assert min(times["a"] + times["b"]) == 5

    def test_speedup_is_the_median_of_ratios_and_not_the_ratio_of_medians(self, common):
        times = {"plain": [10.0, 100.0, 20.0], "fast": [5.0, 10.0, 20.0]}
        assert common.speedup(times, "fast", "plain") == 2

    def test_a_process_is_measured_and_its_failure_shown(self, common, capsys):
        found = common.run_process(
            [sys.executable, "-c", "import sngan_repro as s; x = bytearray(60_000_000); print(s)"]
        )
        assert str(ROOT) in found.output
        assert 60 < found.peak_mb < 200  # and not what this process holds
        assert found.cpu > 0
        with pytest.raises(subprocess.CalledProcessError):
            common.run_process([sys.executable, "-c", "1 / 0"])
        assert "ZeroDivisionError" in capsys.readouterr().err

    def test_table(self, common, capsys):
        common.print_table("Title", ["what", "s"], [["a", 0.12345], ["b", None], ["c", 12345.6]])
        assert capsys.readouterr().out.splitlines() == [
            "",
            "Title",
            "",
            "| what | s      |",
            "| ---- | ------ |",
            "| a    | 0.123  |",
            "| b    | -      |",
            "| c    | 12,346 |",
        ]
