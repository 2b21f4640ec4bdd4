"""The benchmarks run in their quick form, each in a process of its own. No time is checked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from workplace import ROOT


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
