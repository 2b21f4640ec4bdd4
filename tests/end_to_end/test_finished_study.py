"""One study with all kinds of methods, run once: its results, and what an edit of a file would run again.

All tests of it are in this file, so that one worker of pytest-xdist runs them, one after another. A test that edits a
file puts it back.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from workplace import LOST, ROOT, TINY, Workplace, labels_of, write_program, write_program_of_the_page

from sngan_repro.core.files import read_json


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A study with all kinds of methods, from nothing to the report, by one command. Its folder has an awkward name.

    Two methods of the package, one that diverges, one under two labels, a user's own method that ``new-method``
    wrote, and programs.
    """
    folder = tmp_path_factory.mktemp("finished") / "it's a study"
    folder.mkdir()
    written = subprocess.run(
        [sys.executable, "-m", "sngan_repro", "new-method", "mine", "--dir", "own"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "wrote own/mine.py" in written
    file = folder / "own/mine.py"
    file.write_text(file.read_text().replace('source = "mao2017"', 'source = "mao2017, nobody2031"'))
    mover = write_program_of_the_page(folder)
    standard = {"name": "sngan", "label": "SNGAN-standard", "loss": "standard"}
    methods = [
        "sngan",
        "began",
        {"name": "wgan_gp", "setting": {"lr": 1e18}},
        {**standard, "setting": {"n_dis": 2}, "nets": {"width": 8}},
        "mine",
        {"name": "mine", "label": "Mine-0.9", "target": 0.9},
        mover,
        {"name": mover, "label": "Mover-4", "pixels": 4},
        write_program(folder, "Lost", LOST, snapshots="study"),
    ]
    study = {
        "methods": methods,
        "training": {**TINY["training"], "critic_loss_images": 40},
        "benchmark": {"methods": ["SNGAN", {"name": "gan", "label": "plain"}], "repeats": 2, "min_seconds": 0.01},
        "curves": [{"key": "options.target"}],
    }
    workplace = Workplace(folder, study, plugins=f'["{folder / "own"}"]')
    workplace.run()
    return workplace


def test_everything_is_there(finished: Workplace):
    for name in ("report.html", "report.pdf", "report_latex.zip", "networks.json", "tables/best.md", "tables/best.tex"):
        assert (finished.results / name).stat().st_size > 200
    assert (finished.results / "report.pdf").read_bytes().startswith(b"%PDF")
    for name in ("scores", "summary", "runs", "cost"):
        assert len(finished.table(name)) > 0
    svgs = {file.stem for file in (finished.results / "figures").glob("*.svg")}
    assert svgs == {file.stem for file in (finished.results / "figures").glob("*.png")} != set()
    scores, of_two = finished.table("scores"), ["SNGAN", "BEGAN"]
    generated = scores[scores["label"].isin(of_two)]
    assert len(generated[generated["selection"].isna()]) == 4 * 2 * 5
    assert len(generated[generated["selection"] == "best"]) == 4 * 5
    assert scores[scores["label"] == "Real data"]["metric"].nunique() == 5
    fid = scores[scores["metric"] == "fid100_train@classifier"]
    assert fid[fid["label"].isin([*of_two, "Real data"])]["value"].notna().all()


def test_discriminators_are_measured_and_drawn(finished: Workplace):
    run = finished.results / "runs/digits/SNGAN/A/seed0"
    log = pd.read_parquet(run / "train.parquet")
    names = ["d/accuracy_real", "d/sigmoid_fake_after", "d/input_gradient_max", "critic_loss/held_out"]
    assert log[names].notna().all().all()  # a training of 12 updates is measured at each
    assert pd.read_parquet(run / "d_spectra.parquet")["layer"].nunique() == 6
    diverged = finished.results / "runs/digits/WGAN-GP/A/seed0"
    assert read_json(diverged / "status.json")["state"] == "diverged"
    assert not (diverged / "d_spectra.parquet").exists()
    svgs = {file.stem for file in (finished.results / "figures").glob("*.svg")}
    assert {"times", "against_digits_1_options_target"} < svgs
    assert {name.split("_digits")[0] for name in svgs} > {"spectra", "d_outputs", "critic_loss"}


def test_times_are_measured_with_nothing_beside_them(finished: Workplace):
    times = read_json(finished.results / "times.json")["times"]
    assert [(time["label"], time["n_dis"], time["repeat"]) for time in times] == [
        (label, 5, repeat) for label in ("SNGAN", "plain") for repeat in (0, 1)
    ]
    assert all(time["seconds"] > 0 for time in times)
    with finished.edited(benchmark={**finished.study["benchmark"], "repeats": 3}):
        planned = finished.planned()
    assert "Measure the time of updates" in planned
    assert labels_of(planned) == set()


@pytest.mark.parametrize(
    ("file", "job"),
    [
        ("runs/digits/SNGAN/A/seed0/status.json", "Train SNGAN"),
        ("runs/digits/Mover/own/seed0/status.json", "Run Mover"),
        ("runs/digits/BEGAN/A/seed0/scores-*.json", "Score BEGAN"),
        ("real/digits.json", "Score real images"),
        ("tables/scores.csv", "Collect the runs"),
        ("tables/best.md", "Make the tables"),
        ("times.json", "Measure the time"),
        ("networks.json", "List the layers"),
    ],
)
def test_a_deleted_file_is_made_again(file: str, job: str, finished: Workplace):
    """Also if only files that are complete were made from it."""
    (path,) = finished.results.glob(file)
    aside = path.with_name("aside")
    path.rename(aside)
    try:
        planned = finished.planned()
    finally:
        aside.rename(path)
    assert any(message.startswith(job) for message in planned)
    assert len(labels_of(planned)) == (path.name == "status.json")


def test_nothing_to_do_the_second_time(finished: Workplace):
    assert "Nothing to be done" in finished.run()
    assert "Nothing to be done" in finished.run("data", "tables", "figures", "report")


def test_an_edit_reruns_only_what_it_concerns(finished: Workplace):
    methods = [{"name": "began", "gamma": 0.7} if entry == "began" else entry for entry in finished.study["methods"]]
    with finished.edited(methods=methods, title="Edited"):
        planned = finished.planned()
    assert {job for job in planned if job.startswith(("Train", "Run"))} == {
        "Train BEGAN, setting A, seed 0 on digits",
        "Train BEGAN, setting A, seed 1 on digits",
    }
    assert "Typeset the report" in planned
    assert not any(job.startswith("Prepare") for job in planned)


def test_other_protocols_score_again_and_train_nothing(finished: Workplace):
    protocol = {**TINY["scores"][0], "metrics": ["is", "fid"]}
    with finished.edited(scores=[protocol, {**protocol, "fault_distinct": 10}]):
        planned = finished.planned()
    assert len([job for job in planned if job.startswith("Score")]) == 9 * 2 + 1  # all runs and the real images
    assert "Typeset the report" in planned
    assert labels_of(planned) == set()
    assert not any(job.startswith(("Prepare", "Check")) for job in planned)


def test_a_title_reruns_no_training(finished: Workplace):
    with finished.edited(title="Another title"):
        planned = finished.planned()
    assert "Typeset the report" in planned
    assert labels_of(planned) == set()
    assert not any(job.startswith(("Score", "Prepare")) for job in planned)


def test_snakemakes_own_report(finished: Workplace, tmp_path: Path):
    target = tmp_path / "report.html"
    finished.run("--report", str(target))
    text = target.read_text()
    assert "report.pdf" in text
    assert "best" in text


def test_divergence_is_shown_in_the_report(finished: Workplace):
    states = finished.table("runs").groupby("label")["state"].unique().map(list).to_dict()
    assert {label for label, found in states.items() if found == ["diverged"]} == {"WGAN-GP", "Lost"}
    assert all(found == ["ok"] for label, found in states.items() if label not in ("WGAN-GP", "Lost"))
    summary = finished.table("summary")
    diverged = summary[summary["label"] == "WGAN-GP"]
    assert (diverged["num_diverged"] == 2).all()
    assert diverged["mean"].isna().all()
    html = (finished.results / "report.html").read_text()
    assert "diverged" in html
    assert "non-finite" in html


def test_what_concerns_only_the_machine_reruns_nothing(finished: Workplace):
    assert finished.planned(checkpoint_seconds=5, tensorboard="false", download="false") == set()


def test_new_pins_rerun_nothing(finished: Workplace):
    """A change of environment.yml must not throw away a week of trainings; versions are recorded with every run."""
    environment = ROOT / "environment.yml"
    content, changed = environment.read_text(), environment.stat()
    try:
        environment.write_text(content + "# a comment\n")
        assert finished.planned() == set()
    finally:
        environment.write_text(content)
        os.utime(environment, ns=(changed.st_atime_ns, changed.st_mtime_ns))


def test_classifier_options_leave_other_evaluators_alone(finished: Workplace, tmp_path: Path):
    weights = tmp_path / "weights.pth"
    weights.touch()
    scores = [{**TINY["scores"][0], "evaluator": "inception"}]
    commands = []
    for epochs in (1, 2):
        with finished.edited(scores=scores, classifier={**TINY["classifier"], "epochs": epochs}):
            output = finished.run("-n", "-p", inception_weights=weights)
        commands.append([line for line in output.splitlines() if "sngan_repro evaluator" in line])
    assert commands[0] == commands[1]
    assert len(commands[0]) == 1


# Programs among the methods.


def test_runs_and_scores(finished: Workplace):
    runs = finished.table("runs")
    cells = runs.groupby(["label", "setting"], sort=False).size().to_dict()
    programs = {("Mover", "own"): 2, ("Mover-4", "own"): 2, ("Lost", "own"): 2}
    trained = ("SNGAN", "BEGAN", "WGAN-GP", "SNGAN-standard", "mine", "Mine-0.9")
    assert cells == {**{(label, "A"): 2 for label in trained}, **programs}
    assert runs[runs["setting"] == "own"]["n_dis"].isna().all()
    assert runs.groupby("label")["state"].first().to_dict()["Lost"] == "diverged"
    scores = finished.table("scores")
    mover = scores[scores["label"] == "Mover"]
    assert mover["steps"].unique().tolist() == [12]
    assert mover["sampling_seed"].isna().all()
    assert mover["value"].notna().all()
    fid = scores[scores["last"] & (scores["metric"] == "fid100_train@classifier")].groupby("label")["value"].mean()
    assert fid["Mover"] < fid["Mover-4"] < fid["SNGAN"]  # nearly the training images, then less so
    assert scores[scores["label"] == "Lost"]["steps"].unique().tolist() == [6]


def test_tables_figures_and_report(finished: Workplace):
    best = (finished.results / "tables/best.md").read_text()
    assert re.search(r"\| Mover \| .* \| own \| .* \| 0 of 2 \|", best)
    assert "Mover, Mover-4 and Lost: external programs" in best.replace("\\", "")
    settings = (finished.results / "tables/settings.md").read_text()
    assert re.search(r"\| Lost \| own \| – \| .* \| 0 \| 2 of 2 \|", settings)
    cost = finished.table("cost").set_index(["stage", "label"])
    assert cost.loc[("train", "Mover"), "seconds"] > 0
    assert pd.isna(cost.loc[("train", "Mover"), "steps"])
    figures = {file.stem for file in (finished.results / "figures").glob("*.png")}
    assert {"scores_digits_headline", "samples_digits", "losses_digits", "divergence_digits", "cost_digits"} <= figures
    report = (finished.results / "report.html").read_text(encoding="utf-8")
    for words in ("Training images, each moved sideways", "An external program", "mover.py {task}", "lost its way"):
        assert words in report
    assert (finished.results / "report.pdf").read_bytes().startswith(b"%PDF")
    status = finished.sngan_repro("status --all")
    assert re.search(r"digits/Mover/own/seed0 +done +in \d+ s, scored", status)
    assert re.search(r"digits/Lost/own/seed1 +diverged +at update 9: lost its way, scored", status)
    check = finished.sngan_repro("check --no-measure")
    assert "18 runs = 1 datasets x (6 methods x 1 settings x 2 seeds + 3 programs x 2 seeds)" in check
    assert "12 to train, 6 to run programs, 18 to score" in check


def test_an_edit_of_a_program_reruns_only_its_runs(finished: Workplace):
    def methods(pixels: int) -> list[Any]:
        entries = finished.study["methods"]
        return [{**entry, "pixels": pixels} if "pixels" in entry else entry for entry in entries]

    with finished.edited(methods=methods(pixels=5)):
        planned = finished.planned()
    ran = {job for job in planned if job.startswith(("Run", "Train"))}
    assert ran == {f"Run Mover-4, setting own, seed {seed} on digits" for seed in (0, 1)}
    assert "Typeset the report" in planned

    with finished.edited(training={**TINY["training"], "ema": 0.5}, nets={"width": 5, "z_dim": 8}):
        planned = finished.planned()
    trained = {"SNGAN", "BEGAN", "WGAN-GP", "SNGAN-standard", "mine", "Mine-0.9"}
    assert labels_of(planned) == trained  # no program

    program = finished.folder / "lost.py"
    program.write_text(LOST + "# edited\n")
    try:
        planned = finished.planned(runs_per_gpu=2)
    finally:
        program.write_text(LOST)
    assert labels_of(planned) == {"Lost"}


# A user's own method, and methods under two labels.

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
    (bars,) = (finished.results / "figures").glob("scores_digits_headline.svg")
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
    dataset = next((finished.folder / "data/prepared").glob("*/dataset.json")).parent
    command = [sys.executable, "-m", "sngan_repro", "train", "--spec", str(run / "spec.json"), "--device", "cpu"]
    command += ["--run", str(tmp_path / "again"), "--dataset", str(dataset), "--threads", "1", "--no-tensorboard"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SNGAN_REPRO_PLUGINS": finished.config["plugins"]}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    again, first = (sorted((folder / "snapshots").iterdir()) for folder in (tmp_path / "again", run))
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in first]
