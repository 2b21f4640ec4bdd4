"""Studies of one results folder share their runs. Each is trained and scored once, also if they are started at once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workplace import ROOT, TINY, Workplace, labels_of

METHODS = {"first": ["sngan", "bn"], "second": ["sngan", "plain"]}
REAL = "Score real images of digits under the same protocols"


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    """Snakemake on a study, in a clone of its own, with the results and the data of all clones."""
    clone = folder / f"clone of {name}"
    clone.mkdir()
    for item in ROOT.iterdir():
        if item.name not in ("results", "data", "build", ".snakemake", ".git"):
            (clone / item.name).symlink_to(item)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({**TINY, "methods": METHODS[name], "seeds": [0]}))
    command = Workplace(folder).command("--until", "score", study=folder / f"{name}.yaml")
    command.remove("--nolock")
    return subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def shared(prepared: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Two studies that share a run, started at once."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(prepared.folder / "data", folder / "data")
    for process in [start(folder, name) for name in METHODS]:
        output, _ = process.communicate(timeout=900)
        assert process.returncode == 0, output[-5000:]
    return Workplace(folder)


def test_two_studies_at_once_train_a_shared_run_once(shared: Workplace):
    stored = sorted(path.name for path in (shared.folder / "results/runs").iterdir())
    assert [name.split("-")[0] for name in stored] == ["bn", "plain", "sngan"]
    logs = [log.read_text() for log in shared.folder.glob("results/*/logs/train/sngan-*.log")]
    assert sum("starting from update 0" in log for log in logs) == 1
    assert len(list(shared.folder.glob("results/runs/*/scores-*.json"))) == 3
    links = [shared.folder / f"results/{name}/runs/digits/SNGAN/A/seed0" for name in METHODS]
    assert links[0].resolve() == links[1].resolve() == shared.folder / "results/runs" / stored[2]
    assert not links[0].readlink().is_absolute()


def test_a_copy_of_a_study_trains_and_scores_nothing(shared: Workplace):
    shared.write_study(methods=["plain", "bn", "sngan"], seeds=[0], title="Another name, order and title")
    planned = shared.planned()
    assert labels_of(planned) == set()
    assert [job for job in planned if job.startswith("Score")] == [REAL]
    shared.run("tables")
    assert shared.table("runs")["label"].tolist() == ["Plain", "BN", "SNGAN"]
    assert (shared.run_folder("SNGAN", 0) / "status.json").exists()


def test_an_edit_keeps_the_earlier_runs(shared: Workplace):
    before = {path.name for path in (shared.folder / "results/runs").iterdir()}
    shared.write_study(methods=["sngan"], seeds=[0], budget={"steps": 14})
    assert labels_of(shared.planned()) == {"SNGAN"}
    shared.run("--until", "score")
    assert shared.run_folder("SNGAN", 0).resolve().name not in before
    shared.write_study(methods=["sngan"], seeds=[0])  # the edit is taken back
    planned = shared.planned()
    assert labels_of(planned) == set()
    assert [job for job in planned if job.startswith("Score")] in ([], [REAL])


def test_a_changed_study_shares_its_runs_and_leaves_the_results_of_its_file(shared: Workplace):
    file, folder = shared.folder / "first.yaml", shared.folder / "results/first+methods=sngan"
    before = {path: path.stat().st_mtime_ns for path in (shared.folder / "results/first").rglob("*")}
    output = shared.run("tables", study=file, set="methods=[sngan]")
    assert "Train SNGAN" not in output
    assert pd.read_csv(folder / "tables/summary.csv")["label"].drop_duplicates().tolist() == ["Real data", "SNGAN"]
    assert {path: path.stat().st_mtime_ns for path in (shared.folder / "results/first").rglob("*")} == before
    assert "Nothing to be done" in shared.run("tables", study=file, set="methods=[sngan]")


def test_deleted_images_and_features_are_made_again(shared: Workplace):
    """Before the jobs that read them, also for `tables`. Runs that are complete stay as they are."""
    shared.write_study(methods=["sngan"], seeds=[0, 1])
    snapshots = list((shared.stored("SNGAN", 0) / "snapshots").iterdir())
    before = [path.stat().st_mtime_ns for path in snapshots]
    deleted = [
        next(shared.folder.glob(name)) for name in ("data/prepared/*/images.npy", "data/evaluators/*/*/*_test.npz")
    ]
    kept = [path.read_bytes() for path in deleted]
    for path in deleted:
        path.unlink()
    shared.run("tables")
    assert [path.read_bytes() for path in deleted] == kept
    assert [path.stat().st_mtime_ns for path in snapshots] == before
    assert shared.table("runs")["state"].tolist() == ["ok", "ok"]
    assert "Nothing to be done" in shared.run("tables")
