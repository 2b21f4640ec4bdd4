"""A tiny study that is run again and again: it is killed, or its files are damaged, and its results are compared."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
STUDY: dict[str, Any] = {
    "title": "A tiny study",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan"],
    "settings": {"A": {"lr": 0.001, "beta2": 0.9}},
    "seeds": [0],
    "budget": {"steps": 8},
    "snapshots": {"count": 2},
    "training": {"batch_size": 16, "log_every": 4},
    "nets": {"width": 8, "z_dim": 8},
    "classifier": {"epochs": 1, "width": 8, "feature_dim": 8},
    "scores": [{"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 100, "is_splits": 1}],
}
TABLES = ("scores.csv", "summary.csv", "comparisons.csv")
NOT_COMPARED = ("seconds", "scoring_seconds")


def write_study(folder: Path, name: str, **values: Any) -> None:
    """The study's file, with other values for some keys."""
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({**STUDY, **values}), encoding="utf-8")


def start(folder: Path, name: str, *given: str, quiet: str = "all", **settings: Any) -> subprocess.Popen[bytes]:
    """The command that a user would give, in a process group of its own. Its output is added to a log.

    given: arguments of Snakemake; settings: keys of config.yaml
    """
    values = {"study": folder / f"{name}.yaml", "results_dir": folder / "results", "data_dir": folder / "data"}
    values |= {"device": "cpu", "tensorboard": "false", **settings}
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", quiet, "--config"]
    command += [*(f"{key}={value}" for key, value in values.items()), *given, "--", "tables"]
    work = folder / name  # a clone of its own, as far as Snakemake's records are concerned
    work.mkdir(exist_ok=True)
    for item in ROOT.iterdir():
        if item.name not in ("results", "data", ".snakemake", "build") and not (work / item.name).exists():
            (work / item.name).symlink_to(item)
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=work, stdout=log, stderr=log, start_new_session=True)


def results(folder: Path, name: str, snapshots: bool = True) -> dict[str, Any]:
    """Everything that must not depend on kills: file -> checksum or values. snapshots: with those of the runs."""
    root, found = folder / "results" / name, dict[str, Any]()
    files = root.glob("runs/*/*/*/seed*/snapshots/*.safetensors") if snapshots else []  # through the links to the runs
    for path in sorted(files):
        found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(root.glob("runs/*/*/*/seed*/scores-*.json")):
        records = json.loads(path.read_text(encoding="utf-8"))["records"]
        found[str(path.relative_to(root))] = [(r["metric"], r["steps"], r["value"], r["spread"]) for r in records]
    for table in TABLES:
        path = root / "tables" / table
        lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
        kept = [at for at, column in enumerate(lines[0]) if column not in NOT_COMPARED]
        found[table] = [[cells[at] for at in kept if at < len(cells)] for cells in lines]
    return found


def equal_results(folder: Path, name: str, expected: dict[str, Any], snapshots: bool = True) -> bool:
    """True if a study has the results of the undisturbed run. A file that is missing is a difference."""
    try:
        return results(folder, name, snapshots) == expected
    except (OSError, ValueError, KeyError, TypeError):
        return False
