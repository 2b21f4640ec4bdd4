"""The whole DAG through Snakemake on a tiny study: results, reruns, kills, divergence, messages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from workplace import ROOT, TINY, Workplace

from sngan_repro.cli.main import main
from sngan_repro.core.files import read_json


def test_other_protocols_after_an_interruption(copied: Workplace):
    """Trainings done, nothing scored, then the protocols change: all that is missing is planned at once."""
    copied.write_study(seeds=[0], methods=["sngan"])
    copied.run("--until", "train")
    copied.write_study(seeds=[0], methods=["sngan"], scores=[{**TINY["scores"][0], "num_fake": 200}])
    planned = copied.planned()
    assert {"Score SNGAN, setting A, seed 0 on digits", "Typeset the report"} <= planned
    assert not any(job.startswith("Train") for job in planned)
    copied.write_study(scores=[{**TINY["scores"][0], "num_real": 10_000}])
    assert "`num_real` 10000 exceeds the 1197 images" in copied.run("-n", check=False)


def test_kill_9_three_times_then_snakemake_goes_on(copied: Workplace):
    """Trainings killed at three moments and started again by Snakemake leave the bytes of an undisturbed training."""
    copied.write_study(budget={"steps": 240}, methods=["sngan"], seeds=[0])
    run = copied.stored("SNGAN", 0)
    target = str(run / "status.json")
    for kill in range(3):
        process = subprocess.Popen(
            copied.command(target, checkpoint_seconds=0.001),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_newer(run / "resume/state.pt", (run / "resume/state.pt").stat().st_mtime_ns if kill else 0)
        os.kill(int((run / "resume/lock").read_text().split()[-1]), signal.SIGKILL)
        assert process.wait(timeout=120) != 0
        assert not Path(target).exists()
    copied.run(target, checkpoint_seconds=0.001)
    assert read_json(run / "status.json")["resumed"] == 3
    original = undisturbed(copied, run) / "snapshots"
    for file in sorted(original.iterdir()):
        assert (run / "snapshots" / file.name).read_bytes() == file.read_bytes()
    assert len(list(original.iterdir())) == 2


def undisturbed(workplace: Workplace, run: Path) -> Path:
    """The folder of the same training, made without Snakemake and without an interruption."""
    (dataset,) = (path.parent for path in (workplace.folder / "data/prepared").glob("*/dataset.json"))
    given = ["train", "--spec", str(run / "spec.json"), "--dataset", str(dataset), "--device", "cpu", "--threads", "1"]
    main([*given, "--run", str(workplace.folder / "undisturbed"), "--no-tensorboard"])
    return workplace.folder / "undisturbed"


def wait_for_newer(file: Path, than: int, seconds: float = 120) -> None:
    """Wait until the file exists and was changed after the time ``than`` (nanoseconds)."""
    end = time.monotonic() + seconds
    while not file.exists() or file.stat().st_mtime_ns <= than:
        assert time.monotonic() < end, f"{file} did not appear"
        time.sleep(0.005)


def test_claims_published_values_and_faults_of_code_and_measurement(copied: Workplace):
    """A study that uses all of it, through the DAG; every comparison is paired over the two seeds."""
    protocol = {"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 100, "is_splits": 1}
    copied.write_study(
        methods=[
            {"name": "sngan_with_faults", "label": "SNGAN", "fault_batch_norm": True, "fault_num_outputs": 4},
            "bn",
            {"name": "ebgan_with_faults", "label": "EBGAN", "fault_constant_pulling_away": True},
        ],
        settings={"C": {"lr": 0.001}},
        scores=[protocol, {**protocol, "fault_distinct": 10}, {**protocol, "fault_contrast_stretch": True}],
        reference="southampton",
        claims="southampton",
    )
    log = copied.run()
    assert "make_claims" in log
    claims = pd.read_csv(copied.results / "tables/claims.csv", dtype=str, keep_default_na=False).set_index("id")
    decided = {"supported", "not supported", "undecided"}
    assert {claims.loc[name, "verdict"] for name in ("3", "13", "15", "35a", "35b", "40")} <= decided
    assert claims.loc["40", "verdict"] != "supported"  # the coded term is constant
    assert claims.loc["33", "reason"].endswith("once more with `fault_distinct: 50`")
    assert len(claims.loc["15", "run_ids"].split()) == 6
    assert (copied.results / "tables/artefacts.md").read_text().count("Real data") > 0
    for name in ("published_scores", "published_curves", "figure1", "ranks"):
        assert list((copied.results / "figures").glob(f"{name}*.png")), name
    text = (copied.results / "report.html").read_text(encoding="utf-8")
    assert "not supported" in text
    assert "Southampton" in text


def test_check_counts_the_jobs_that_snakemake_plans(tmp_path: Path):
    workplace = Workplace(tmp_path)
    workplace.write_study(claims="southampton")
    command = [sys.executable, "-m", "sngan_repro", "check", "--no-measure", "--study", str(tmp_path / "tiny.yaml")]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    counted = int(next(line for line in printed.splitlines() if " jobs: " in line).split()[0])
    assert counted == len(workplace.planned()) == 18  # 4 runs trained and scored, and what is shared


def test_a_failed_job_names_its_log_and_the_rest_goes_on(copied: Workplace):
    copied.write_study(seeds=[0])
    run = copied.stored("SNGAN", 0)
    run.mkdir(parents=True)
    (run / "snapshots").write_text("a file where a folder must be")
    output = copied.run(check=False)
    log = copied.results / f"logs/train/{run.name}.log"
    assert str(log) in output
    assert "snapshots" in log.read_text()
    assert copied.scores("BEGAN", 0).exists()


@pytest.mark.parametrize(
    ("changes", "config", "message"),
    [
        ({"methods": ["sgnan"]}, {}, "unknown method 'sgnan'; did you mean 'sngan'?"),
        ({}, {"devise": "cpu"}, "devise: unknown key; did you mean 'device'?"),
    ],
)
def test_mistakes_are_found_before_any_job(tmp_path: Path, changes, config, message):
    """More mistakes are in tests/workflow/test_plan.py."""
    workplace = Workplace(tmp_path)
    workplace.write_study(**changes)
    output = workplace.run(check=False, **config)
    assert message in output
    assert "Traceback" not in output
    assert "Execute" not in output


def test_a_dataset_without_classes_is_refused_before_training(tmp_path: Path):
    from PIL import Image

    (tmp_path / "images").mkdir()
    for index in range(80):
        Image.new("L", (16, 16), index).save(tmp_path / "images" / f"{index}.png")
    workplace = Workplace(tmp_path)
    dataset = {"source": "images", "path": str(tmp_path / "images"), "image_size": 16, "test_fraction": 0.25}
    workplace.write_study(datasets={"flat": dataset})
    output = workplace.run(check=False)
    assert " has no classes to train the evaluator 'classifier' on" in output
    assert not list(tmp_path.glob("results/runs/*/resume"))


def test_jobs_run_in_a_container(tmp_path: Path, monkeypatch):
    """A stand-in for Apptainer runs commands as they are, but with a Python of its own, which must be the one used."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    scripts = {
        inside / "python": f'echo "$@" >> {tmp_path}/used\nexec {sys.executable} "$@"',
        outside / "apptainer": f"""
            [ "$1" = --version ] && echo "apptainer version 1.4.0" && exit
            while [ "$1" != {tmp_path}/image.sif ]; do shift; done
            shift
            PATH={inside}:$PATH exec "$@" """,
    }
    for path, text in scripts.items():
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    (tmp_path / "image.sif").touch()
    monkeypatch.setenv("PATH", f"{outside}:{os.environ['PATH']}")
    workplace = Workplace(tmp_path / "work")
    workplace.run("data", "--sdm", "apptainer", container=tmp_path / "image.sif")
    assert "-m sngan_repro prepare" in (tmp_path / "used").read_text()


def test_changed_images_are_noticed(tmp_path: Path):
    """A new file in a class folder changes nothing at the top of the tree, and is noticed all the same."""
    from PIL import Image

    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(60):
            Image.new("L", (16, 16), index).save(tmp_path / "images" / name / f"{index}.png")
    workplace = Workplace(tmp_path)
    dataset = {"source": "images", "path": str(tmp_path / "images"), "image_size": 16, "test_fraction": 0.5}
    score = {"evaluator": "classifier", "num_fake": 50, "is_splits": 1, "kid_subset_size": 25, "kid_subsets": 5}
    workplace.write_study(datasets={"mine": dataset}, scores=[score])
    output = workplace.run("data")
    assert "The requested files of study 'tiny' are made." in output
    assert "report.html" not in output
    assert not any(job.startswith("Prepare images-") for job in workplace.planned())
    Image.new("L", (16, 16), 200).save(tmp_path / "images" / "a" / "new.png")
    assert any(job.startswith("Prepare images-") for job in workplace.planned())
