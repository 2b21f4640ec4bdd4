"""Two Snakemakes, each in a clone of its own, with one folder of results: no finished training is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from workplace import ROOT, Workplace

from sngan_repro.core.files import read_json

REFUSED = "another Snakemake works on this study"


@pytest.fixture
def clones(tmp_path: Path) -> list[Path]:
    """Two folders with the code, and with records of Snakemake of their own."""
    folders = [tmp_path / "clone0", tmp_path / "clone1"]
    for folder in folders:
        folder.mkdir()
        for item in ROOT.iterdir():
            if item.name not in ("results", "data", "build") and not item.name.startswith("."):
                (folder / item.name).symlink_to(item)
    return folders


def test_neither_loses_a_training_of_the_other(copied: Workplace, clones: list[Path]):
    copied.write_study(methods=["sngan"])
    statuses = [copied.stored("SNGAN", seed) / "status.json" for seed in (0, 1)]
    command = copied.command(*map(str, statuses))
    started = [
        subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for clone in clones
    ]
    ended = [(process.communicate(timeout=600)[0], process.returncode) for process in started]
    assert any(code == 0 for _, code in ended), ended
    assert all(code == 0 or REFUSED in output for output, code in ended), ended
    assert not any("Traceback" in output for output, _ in ended)
    made = {status: status.stat().st_mtime_ns for status in statuses}
    for clone in clones:
        again = subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=600, check=False)
        assert again.returncode == 0, again.stderr
        assert "Nothing to be done" in again.stdout + again.stderr
    assert {status: status.stat().st_mtime_ns for status in statuses} == made  # nothing is trained twice
    assert all(read_json(status)["state"] == "ok" for status in statuses)
