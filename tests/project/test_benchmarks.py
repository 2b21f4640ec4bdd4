"""The benchmarks run and say what they should; nothing is timed here."""

from __future__ import annotations

import json
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


def run(name: str, out: Path) -> tuple[dict, str]:
    """The JSON file and the output of a benchmark's quick form."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((out / f"{name}-cpu.json").read_text()), done.stdout


def test_prepare(tmp_path):
    found, printed = run("prepare", tmp_path)
    assert [row[:2] for row in found["rows"]] == [[400, 32], [800, 32]]
    assert "| images | pixels |" in printed
    assert found["machine"]["device"]["type"] == "cpu"
    assert all(value > 0 for row in found["rows"] for value in row[2:7])


def test_score(tmp_path):
    """Ours and torch-fidelity's values beside each other, in the same run."""
    found, printed = run("score", tmp_path)
    rows = {row[0]: dict(zip(found["columns"], row, strict=True)) for row in found["rows"]}
    compared = ["IS, 64-d", "FID on the CPU, 64-d", "KID, 64-d", "precision and recall, 64-d"]
    assert {"latents", "images", "features (classifier)", *compared} <= rows.keys()
    for name in compared:
        assert rows[name]["plain, s"] > 0
        assert rows[name]["relative difference"] < 1e-5
    assert "score_run: a run of three snapshots" in printed
    assert found["whole"][0][0] == "the whole"


def test_train(tmp_path):
    """Every method beside its naive loop, in the precisions of the device."""
    found, printed = run("train", tmp_path)
    assert [(record["method"], record["variant"]) for record in found["records"]] == [
        (method, variant) for method in ("sngan", "wgan_gp") for variant in ("naive", "fp32", "bf16")
    ]
    assert all(record["speedup"] == 1 for record in found["records"] if record["variant"] == "naive")
    assert all(record["flops_per_update"] > 1e8 and min(record["seconds"]) > 0 for record in found["records"])
    assert "| of matmul rate |" in printed


def test_pack(tmp_path):
    found, _ = run("pack", tmp_path)
    assert [record["runs"] for record in found["records"]] == [1, 2]
    ways = {"threads", "processes", "threads (plain)", "stacked (plain)"}
    for record in found["records"]:
        assert record["updates_per_second"].keys() == ways
        assert min(record["updates_per_second"].values()) > 0


@pytest.mark.parametrize("name", ["dag", "memory", "pack", "prepare", "score", "startup", "study", "train"])
def test_every_benchmark_explains_its_options(name, monkeypatch, capsys):
    """In this process: starting PyTorch once per benchmark would take most of the time."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(sys, "argv", [f"benchmarks.{name}", "--help"])
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
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
