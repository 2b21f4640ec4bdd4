"""A user's own method through the whole workflow, from new-method to report, and methods under two labels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from workplace import ROOT, Workplace

from sngan_repro.core.files import read_json

LABELS = ["SNGAN", "SNGAN-standard", "mine", "Mine-0.9"]


def test_the_report_has_all_labels(finished: Workplace):
    for table in ("runs", "summary"):
        assert set(LABELS) <= set(finished.table(table)["label"])
    runs = finished.table("runs")
    runs = runs[runs["seed"] == 0].set_index("label")
    assert (runs.loc[LABELS, "state"] == "ok").all()
    assert runs.loc["SNGAN-standard", "images_seen"] == 2 * runs.loc["SNGAN", "images_seen"]
    assert runs.loc["SNGAN-standard", "parameters_d"] > runs.loc["SNGAN", "parameters_d"]
    best = (finished.results / "tables/best.md").read_text()
    html = (finished.results / "report.html").read_text(encoding="utf-8")
    for label in LABELS:
        assert label in best
        assert f"{label}</h2>" in html
    (bars,) = (finished.results / "figures").glob("bars_digits_headline.svg")
    assert all(f">{label}<" in bars.read_text() for label in LABELS)
    assert "Least Squares Generative Adversarial Networks" in html
    assert "(nobody2031)" in html
    assert "own/mine.py" in html
    assert "nobody2031?" not in html


def test_the_loss_is_the_one_of_the_label(finished: Workplace):
    first = {label: pd.read_parquet(finished.run_folder(label, 0) / "train.parquet").iloc[0] for label in LABELS}
    assert first["SNGAN"]["d_loss"] == pytest.approx(2, abs=0.1)  # hinge at chance
    assert first["SNGAN-standard"]["d_loss"] == pytest.approx(1.386, abs=0.1)  # 2 log 2
    # One seed, so D and the images are the same: E[(f - 1)^2] - E[(f - 0.9)^2] = 0.19 - 0.2 E[f].
    assert first["mine"]["d_real"] == first["Mine-0.9"]["d_real"]
    difference = first["mine"]["d_loss"] - first["Mine-0.9"]["d_loss"]
    assert difference == pytest.approx(0.19 - 0.2 * first["mine"]["d_real"], abs=1e-5)


def test_the_code_of_a_run_is_recorded(finished: Workplace):
    run = finished.run_folder("Mine-0.9", 0)
    recorded = read_json(run / "status.json")["method"]
    assert recorded["file"] == str(finished.folder / "own/mine.py")
    assert recorded["code"] == read_json(run / "spec.json")["method"]["code"] is not None
    assert (run / "code/mine.py").read_text() == (finished.folder / "own/mine.py").read_text()
    assert "code" not in read_json(finished.run_folder("SNGAN", 0) / "spec.json")["method"]


def test_what_an_edit_of_the_method_repeats(finished: Workplace):
    own = finished.folder / "own"
    file = own / "mine.py"
    text = file.read_text()
    try:
        file.write_text(text.replace("f_fake.square()", "f_fake.abs()"))
        planned = finished.planned(plugins=own)
        file.write_text("nothing = nowhere\n")
        broken = finished.run("-n", check=False, plugins=own)
    finally:
        file.write_text(text)
    trained = {job for job in planned if job.startswith("Train")}
    assert trained == {
        f"Train {label}, setting A, seed {seed} on digits" for label in ("mine", "Mine-0.9") for seed in (0, 1)
    }
    assert "Typeset the report" in planned
    assert f"plugins: {file}, line 1: NameError: name 'nowhere' is not defined" in broken
    assert "Traceback" not in broken
    moved = finished.folder / "elsewhere"
    own.rename(moved)
    try:
        assert finished.planned(plugins=f"[{moved / 'mine.py'}]") == set()
        missing = finished.run("-n", check=False, plugins=own)
    finally:
        moved.rename(own)
    assert f"plugins: {own}: no such file or folder" in missing
    assert "unknown method 'mine'" in finished.run("-n", check=False, plugins="[]")


def test_a_training_finds_the_method_in_any_folder(finished: Workplace, tmp_path: Path):
    """The job's own command, as a node of a cluster runs it. The environment names the file of the method."""
    run = finished.run_folder("mine", 0)
    dataset = next((finished.folder / "data/prepared").iterdir())
    command = [sys.executable, "-m", "sngan_repro", "train", "--spec", str(run / "spec.json"), "--device", "cpu"]
    command += ["--run", str(tmp_path / "again"), "--dataset", str(dataset), "--threads", "1", "--no-tensorboard"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SNGAN_REPRO_PLUGINS": finished.config["plugins"]}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    again, first = (sorted((folder / "snapshots").iterdir()) for folder in (tmp_path / "again", run))
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in first]


SOURCE = '''\
from sngan_repro.data.sources.base import SOURCES, Source


@SOURCES.register("stripes")
class Stripes(Source):
    """Grey images with one bright row each."""

    name = "stripes"
    title = "Stripes"

    @classmethod
    def open(cls, spec, folder):
        import numpy as np

        from sngan_repro.data.raw import from_arrays

        images = np.zeros((80, 16, 16), np.uint8)
        images[np.arange(80), np.arange(80) % 16] = 200
        return from_arrays([images[:60], images[60:]], labels=np.arange(80) % 2, num_train=60, classes=["a", "b"])
'''


def test_a_users_own_data_source(tmp_path: Path):
    """It is prepared like any other, and again after an edit of its file."""
    workplace, file = Workplace(tmp_path), tmp_path / "stripes.py"
    file.write_text(SOURCE)
    score = {"evaluator": "classifier", "num_fake": 50, "is_splits": 1, "kid_subset_size": 20, "kid_subsets": 5}
    workplace.write_study(datasets={"own": {"source": "stripes", "image_size": 16}}, scores=[score])
    workplace.run("data", plugins=file)
    (record,) = (tmp_path / "data/prepared").glob("*/dataset.json")
    assert (read_json(record)["source_title"], read_json(record)["num_train"]) == ("Stripes", 60)

    def prepared() -> bool:
        return any(job.startswith("Prepare stripes-") for job in workplace.planned(plugins=file))

    assert not prepared()
    file.write_text(SOURCE.replace("200", "250"))
    assert prepared()
