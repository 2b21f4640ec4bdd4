"""The workflow in another working folder, and as a module of another workflow."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import yaml
from workplace import ROOT, SNAKEMAKE, TINY

from sngan_repro.report.skeleton import template_folder
from sngan_repro.report.templates import Templates


def run(*command: str, folder: Path) -> str:
    """The output of Snakemake in a folder. The package is found without an entry of the test in PYTHONPATH."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [*SNAKEMAKE, "--cores", "2", *command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    return done.stdout + done.stderr


def test_another_working_folder(tmp_path: Path, monkeypatch):
    """Paths of the configuration are those of that folder; jobs run, and the report is planned."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(TINY))
    places = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    run("data", *places, "--config", "study=mine.yaml", "device=cpu", folder=ROOT)
    assert len(list((tmp_path / "data/prepared").glob("*/dataset.json"))) == 1
    assert "make_report" in run("-n", *places, "--config", "study=mine.yaml", "device=cpu", folder=ROOT)
    monkeypatch.chdir(tmp_path)
    assert Templates(template_folder()).folder == ROOT / "report"


def test_another_workflow_imports_this_one(tmp_path: Path):
    """A rule of the other workflow uses a file that this one makes. The catalog's Snakefile has the same rules."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(TINY))
    (tmp_path / "Snakefile").write_text(
        f"""
module sngan:
    snakefile: {str(ROOT / "workflow/Snakefile")!r}
    config: {{"study": "mine.yaml", "device": "cpu"}}

use rule * from sngan as sngan_*

rule count:
    default_target: True
    input: "data/prepared/digits-16px-d3139fc0/dataset.json"
    output: "count.txt"
    shell: "grep -c num_train {{input}} > {{output}}"
"""
    )
    output = run(folder=tmp_path)
    assert "sngan_prepare" in output
    assert (tmp_path / "count.txt").read_text().strip() == "1"
    planned = run("-n", "sngan_all", folder=tmp_path)
    assert "sngan_make_report" in planned
    assert not list(tmp_path.glob("results/*/.lock"))
