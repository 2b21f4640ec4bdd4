"""Programs among the methods, through Snakemake: the example of docs/add-a-program.md, divergence and failures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
from workplace import (
    LOST,
    PAGE,
    TINY,
    Workplace,
    labels_of,
    write_program,
    write_program_of_the_page,
)

from sngan_repro.core.files import read_json

HALF = """
import json, sys
import numpy as np
task = json.load(open(sys.argv[1]))
print("components: 3 of 7")
np.save(task["samples"], np.zeros((task["num_samples"], task["channels"], 16, 16), np.float32))
"""


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
    assert {"bars_digits_headline", "samples_digits", "losses_digits", "divergence_digits", "cost_digits"} <= figures
    report = (finished.results / "report.html").read_text(encoding="utf-8")
    for words in ("Training images, each moved sideways", "An external program", "mover.py {task}", "lost its way"):
        assert words in report
    assert (finished.results / "report.pdf").read_bytes().startswith(b"%PDF")
    status = finished.sngan_repro("status --all")
    assert re.search(r"digits/Mover/own/seed0 +done +in \d+ s, scored", status)
    assert re.search(r"digits/Lost/own/seed1 +diverged +at update 9: lost its way, scored", status)
    check = finished.sngan_repro("check --no-measure")
    assert "18 runs = 1 datasets x (6 methods x 1 settings x 2 seeds + 3 programs x 2 seeds)" in check
    assert "0 to train, 0 to run programs, 0 to score" in check


def test_an_edit_reruns_only_what_it_concerns(finished: Workplace):
    def methods(pixels: int) -> list[Any]:
        entries = finished.study["methods"]
        return [{**entry, "pixels": pixels} if "pixels" in entry else entry for entry in entries]

    with finished.edited(methods=methods(pixels=5)):
        planned = finished.planned()
    ran = {job for job in planned if job.startswith(("Run", "Train"))}
    assert ran == {f"Run Mover-4, setting own, seed {seed} on digits" for seed in (0, 1)}
    assert "Typeset the report" in planned

    with finished.edited(training={**TINY["training"], "ema": 0.9}, nets={"width": 5, "z_dim": 8}):
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


def test_failures_are_in_the_log_and_the_rest_goes_on(copied: Workplace, tmp_path: Path):
    methods = [
        write_program(tmp_path, "Half", HALF),
        write_program(tmp_path, "Crash", "print('no such matrix', flush=True)\nraise SystemExit(3)"),
        write_program_of_the_page(tmp_path),
    ]
    copied.write_study(methods=methods, seeds=[0])
    output = copied.run(check=False)
    logs = {name: copied.results / f"logs/train/digits/{name}/own/seed0.log" for name in ("Half", "Crash")}
    wrong = (
        "found float32 (100, 1, 16, 16); needed: uint8 (at least 100, 16, 16, 1), images x height x width x channels"
    )
    for text in (logs["Half"].read_text(), output):
        assert "components: 3 of 7" in text
        assert wrong in text
    crash = logs["Crash"].read_text()
    assert crash.index("no such matrix") < crash.index("error: digits/Crash/own/seed0: the program '")
    assert "failed (exit code 3)" in crash
    for name in ("Half", "Crash"):
        assert str(logs[name]) in output
        assert not (copied.run_folder(name, 0, "own") / "samples").exists()
    assert read_json(copied.run_folder("Mover", 0, "own") / "scores.json")["records"]


def test_a_study_of_programs_alone(copied: Workplace, tmp_path: Path):
    """One of them needs a file that a rule of its own makes."""
    table = tmp_path / "shift.txt"
    (tmp_path / "shifted.smk").write_text(
        f"rule shift:\n    output: {str(table)!r}\n    shell: 'echo 7 > {{output}}'\n"
    )
    page = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    code = page.replace('task["options"]["pixels"]', "int(open(sys.argv[2]).read())")
    command = "python {folder}/shifted.py {task} {folder}/shift.txt"
    keys = {"command": command, "files": ["{folder}/shift.txt"], "rules": "{folder}/shifted.smk"}
    copied.write_study(methods=[write_program(tmp_path, "Shifted", code, **keys), "pca_sampler"], seeds=[0])
    copied.run()
    assert read_json(copied.run_folder("Shifted", 0, "own") / "status.json")["command"][-1] == str(table)
    assert copied.planned() == set()
    table.write_text("8\n")
    assert "Run Shifted, setting own, seed 0 on digits" in copied.planned()
    report = (copied.results / "report.html").read_text(encoding="utf-8")
    assert "The study runs 2 programs (Shifted and PCA)" in " ".join(report.split())
    status = read_json(copied.run_folder("PCA", 0, "own") / "status.json")
    assert (status["state"], status["images_seen"]) == ("ok", 1197)
    assert "scikit-learn" in status["versions"]
