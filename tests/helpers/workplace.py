"""A folder in which Snakemake runs a tiny study, as a user would run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from sngan_repro.study.load import load_study

ROOT = Path(__file__).parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]

TINY: dict[str, Any] = {
    "title": "A tiny study",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan", "began"],
    "settings": {"A": {"lr": 0.001, "beta2": 0.9}},
    "seeds": [0, 1],
    "budget": {"steps": 12},
    "snapshots": {"count": 2},
    "training": {"batch_size": 16, "log_every": 4},
    "nets": {"width": 4, "z_dim": 8},
    "classifier": {"epochs": 1, "width": 8, "feature_dim": 8},
    "scores": [{"evaluator": "classifier", "num_fake": 100, "is_splits": 1, "kid_subset_size": 50, "kid_subsets": 5}],
}


class Workplace:
    """A folder with its own study, results and data; commands run in the repository.

    study: keys that replace those of ``TINY``. config: values for ``--config`` of every command.
    """

    def __init__(self, folder: Path, study: dict[str, Any] | None = None, **config: Any) -> None:
        self.folder = folder
        self.results = folder / "results" / "tiny"
        self.study = {**TINY, **(study or {})}
        self.config = {
            "study": folder / "tiny.yaml",
            "results_dir": folder / "results",
            "data_dir": folder / "data",
            "device": "cpu",
            **config,
        }
        folder.mkdir(exist_ok=True)
        self.write_study()

    def write_study(self, **changes: Any) -> None:
        """Write the study file; ``changes`` replace keys of the study."""
        values = json.loads(json.dumps({**self.study, **changes}))
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(values, sort_keys=False))

    @contextmanager
    def edited(self, **changes: Any) -> Iterator[None]:
        """The study file with other values, for a while."""
        self.write_study(**changes)
        try:
            yield
        finally:
            self.write_study()

    def command(self, *arguments: str, **config: Any) -> list[str]:
        """The command of Snakemake, with ``--config`` for this folder."""
        given = [f"{key}={value}" for key, value in {**self.config, **config}.items()]
        return [*SNAKEMAKE, "--cores", "2", "--nolock", *arguments, "--config", *given]

    def run(self, *arguments: str, check: bool = True, **config: Any) -> str:
        """Run Snakemake and return its output. It must succeed, or fail if ``check`` is False."""
        result = subprocess.run(
            self.command(*arguments, **config),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        if check:
            assert result.returncode == 0, result.stdout[-5000:]
        else:
            assert result.returncode != 0, "the command was expected to fail"
        return result.stdout

    def planned(self, **config: Any) -> set[str]:
        """The messages of the jobs in a dry run."""
        lines = self.run("-n", **config).splitlines()
        return {line.split(": ", 1)[1] for line in lines if line.startswith("Job ") and ": " in line}

    def sngan_repro(self, command: str) -> str:
        """The output of a command of sngan-repro on this study."""
        options = ["--study", self.folder / "tiny.yaml", "--results-dir", self.folder / "results"]
        options += ["--data-dir", self.folder / "data"]
        words = [sys.executable, "-m", "sngan_repro", *command.split(), *map(str, options)]
        environment = {**os.environ, "SNGAN_REPRO_PLUGINS": self.config.get("plugins", "[]")}
        return subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    def run_folder(self, label: str, seed: int, setting: str = "A") -> Path:
        return self.results / "runs" / "digits" / label / setting / f"seed{seed}"

    def stored(self, label: str, seed: int, setting: str = "A") -> Path:
        """The folder of a run of the present study file among those of all studies."""
        runs = {run.id: run for run in load_study(str(self.folder / "tiny.yaml")).runs()}
        return self.folder / "results" / "runs" / runs[f"digits/{label}/{setting}/seed{seed}"].name

    def scores(self, label: str, seed: int, setting: str = "A") -> Path:
        """The only scores of a run."""
        (file,) = self.run_folder(label, seed, setting).glob("scores-*.json")
        return file

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.results / "tables" / f"{name}.csv")


def labels_of(planned: set[str]) -> set[str]:
    """The labels that a dry run trains, or whose programs it runs."""
    return {job.split(",")[0].split(" ", 1)[1] for job in planned if job.startswith(("Train ", "Run "))}


# Programs, which stand beside the study file.

PAGE = (ROOT / "docs/add-a-program.md").read_text(encoding="utf-8")

LOST = """
import json, sys
from pathlib import Path
import numpy as np
task = json.loads(Path(sys.argv[1]).read_text())
np.save(task["snapshots"][0]["samples"], np.load(task["images"])[: task["num_samples"]])
Path(task["status"]).write_text('{"state": "diverged", "reason": "lost its way", "diverged_at": 9}')
"""
"""A program that diverges after its first snapshot."""


def write_program(folder: Path, name: str, code: str, **keys: Any) -> str:
    """Write a program and its declaration; returns the name that a study gives it."""
    (folder / f"{name.lower()}.py").write_text(code)
    command = f"python {{folder}}/{name.lower()}.py {{task}}"
    path = folder / f"{name.lower()}.yaml"
    path.write_text(yaml.safe_dump({"title": name, "summary": f"the program {name}", "command": command, **keys}))
    return str(path)


def write_program_of_the_page(folder: Path) -> str:
    """Write the example of docs/add-a-program.md, word for word; returns the name that a study gives it."""
    (folder / "mover.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1])
    (folder / "mover.yaml").write_text(re.search(r"```yaml\n(title: Mover.*?)```", PAGE, re.DOTALL)[1])
    return str(folder / "mover.yaml")
