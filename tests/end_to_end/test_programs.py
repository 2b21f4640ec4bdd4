"""Programs among the methods, through Snakemake: the example of docs/add-a-program.md, divergence and failures."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from test_workflow import ROOT, TINY, Workplace

from sngan_repro.core.files import read_json

PAGE = (ROOT / "docs/add-a-program.md").read_text(encoding="utf-8")

LOST = """
import json, sys
from pathlib import Path
import numpy as np
task = json.loads(Path(sys.argv[1]).read_text())
np.save(task["snapshots"][0]["samples"], np.load(task["images"])[: task["num_samples"]])
Path(task["status"]).write_text('{"state": "diverged", "reason": "lost its way", "diverged_at": 9}')
"""
HALF = """
import json, sys
import numpy as np
task = json.load(open(sys.argv[1]))
print("components: 3 of 7")
np.save(task["samples"], np.zeros((task["num_samples"], task["channels"], 16, 16), np.float32))
"""


def declare(folder: Path, name: str, code: str, **keys: Any) -> str:
    """Write a program and its declaration; returns the name that a study gives it."""
    (folder / f"{name.lower()}.py").write_text(code)
    command = f"python {{folder}}/{name.lower()}.py {{task}}"
    path = folder / f"{name.lower()}.yaml"
    path.write_text(yaml.safe_dump({"title": name, "summary": f"the program {name}", "command": command, **keys}))
    return str(path)


def of_the_page(folder: Path) -> str:
    """The example of the page, word for word."""
    (folder / "mover.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1])
    (folder / "mover.yaml").write_text(re.search(r"```yaml\n(title: Mover.*?)```", PAGE, re.DOTALL)[1])
    return str(folder / "mover.yaml")


class Programs(Workplace):
    """A study of SNGAN, the example of the page twice, and a program that diverges."""

    def write_study(self, pixels: int = 4, **changes: Any) -> None:
        mover = of_the_page(self.folder)
        lost = declare(self.folder, "Lost", LOST, snapshots="study")
        methods = ["sngan", mover, {"name": mover, "label": "Mover-4", "pixels": pixels}, lost]
        settings = {"A": {"lr": 0.001, "beta2": 0.9}, "B": {"lr": 0.002}}
        super().write_study(**{"methods": methods, "settings": settings, **changes})

    def own(self, command: str) -> str:
        """What a command of sngan-repro prints."""
        options = ["--study", self.folder / "tiny.yaml", "--results-dir", self.folder / "results"]
        options += ["--data-dir", self.folder / "data"]
        words = [sys.executable, "-m", "sngan_repro", *command.split(), *map(str, options)]
        return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    workplace = Programs(tmp_path_factory.mktemp("programs"))
    workplace.run()
    return workplace


def read(workplace: Workplace, name: str) -> pd.DataFrame:
    return pd.read_csv(workplace.results / "tables" / f"{name}.csv")


def test_runs_and_scores(finished: Programs):
    runs = read(finished, "runs")
    cells = runs.groupby(["label", "setting"], sort=False).size().to_dict()
    programs = {("Mover", "own"): 2, ("Mover-4", "own"): 2, ("Lost", "own"): 2}
    assert cells == {("SNGAN", "A"): 2, ("SNGAN", "B"): 2, **programs}
    assert runs[runs["setting"] == "own"]["n_dis"].isna().all()
    assert runs.groupby("label")["state"].first().to_dict()["Lost"] == "diverged"
    scores = read(finished, "scores")
    mover = scores[scores["label"] == "Mover"]
    assert mover["steps"].unique().tolist() == [12]
    assert mover["sampling_seed"].isna().all()
    assert mover["value"].notna().all()
    fid = scores[scores["last"] & (scores["metric"] == "fid100_train@classifier")].groupby("label")["value"].mean()
    assert fid["Mover"] < fid["Mover-4"] < fid["SNGAN"]  # nearly the training images, then less so
    assert scores[scores["label"] == "Lost"]["steps"].unique().tolist() == [6]


def test_tables_figures_and_report(finished: Programs):
    best = (finished.results / "tables/best.md").read_text()
    assert re.search(r"\| Mover \| .* \| own \| .* \| 0 of 2 \|", best)
    assert "Mover, Mover\\-4 and Lost: programs" in best or "Mover, Mover-4 and Lost: programs" in best
    settings = (finished.results / "tables/settings.md").read_text()
    assert re.search(r"\| Lost \| own \| – \| .* \| 0 \| 2 of 2 \|", settings)
    cost = read(finished, "cost").set_index(["stage", "label"])
    assert cost.loc[("train", "Mover"), "seconds"] > 0
    assert pd.isna(cost.loc[("train", "Mover"), "steps"])
    figures = {file.stem for file in (finished.results / "figures").glob("*.png")}
    assert {"bars_digits_headline", "samples_digits", "losses_digits", "divergence_digits", "cost_digits"} <= figures
    report = (finished.results / "report.html").read_text(encoding="utf-8")
    for words in ("Training images, each moved sideways", "An external program", "mover.py {task}", "lost its way"):
        assert words in report
    assert (finished.results / "report.pdf").read_bytes().startswith(b"%PDF")
    status = finished.own("status --all")
    assert re.search(r"digits/Mover/own/seed0 +done +in \d+ s, scored", status)
    assert re.search(r"digits/Lost/own/seed1 +diverged +at update 9: lost its way, scored", status)
    check = finished.own("check --no-measure")
    assert "10 runs = 1 datasets x (1 methods x 2 settings x 2 seeds + 3 programs x 2 seeds)" in check
    assert "4 to train, 6 to run programs, 10 to score" in check
    assert "Nothing to be done" in finished.run()


def test_an_edit_reruns_only_what_it_concerns(finished: Programs):
    finished.write_study(pixels=5)
    try:
        planned = finished.planned()
    finally:
        finished.write_study()
    ran = {job for job in planned if job.startswith(("Run", "Train"))}
    assert ran == {f"Run Mover-4, setting own, seed {seed} on digits" for seed in (0, 1)}
    assert "Typeset the report" in planned

    finished.write_study(training={**TINY["training"], "ema": 0.9}, nets={"width": 5, "z_dim": 8})
    try:
        planned = finished.planned()
    finally:
        finished.write_study()
    assert {job.split(",")[0] for job in planned if job.startswith(("Run", "Train"))} == {"Train SNGAN"}

    program = finished.folder / "lost.py"
    program.write_text(LOST + "# edited\n")
    try:
        planned = finished.planned(runs_per_gpu=2)
    finally:
        program.write_text(LOST)
    assert {job.split(",")[0] for job in planned if job.startswith(("Run", "Train"))} == {"Run Lost"}


def test_failures_are_told_in_the_log_and_the_rest_goes_on(finished: Programs, tmp_path: Path):
    shutil.copytree(finished.folder / "data", tmp_path / "data")
    workplace = Workplace(tmp_path)
    methods = [
        declare(tmp_path, "Half", HALF),
        declare(tmp_path, "Crash", "print('no such matrix', flush=True)\nraise SystemExit(3)"),
        of_the_page(tmp_path),
    ]
    workplace.write_study(methods=methods, seeds=[0])
    output = workplace.run(check=False)
    logs = {name: workplace.results / f"logs/train/digits/{name}/own/seed0.log" for name in ("Half", "Crash")}
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
        assert not (workplace.run_folder(name, 0, "own") / "samples").exists()
    assert read_json(workplace.run_folder("Mover", 0, "own") / "scores.json")["records"]


def test_a_study_of_programs_alone(finished: Programs, tmp_path: Path):
    """One of them needs a file that a rule of its own makes."""
    shutil.copytree(finished.folder / "data", tmp_path / "data")
    workplace = Workplace(tmp_path)
    table = tmp_path / "shift.txt"
    (tmp_path / "shifted.smk").write_text(
        f"rule shift:\n    output: {str(table)!r}\n    shell: 'echo 7 > {{output}}'\n"
    )
    page = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    code = page.replace('task["options"]["pixels"]', "int(open(sys.argv[2]).read())")
    command = "python {folder}/shifted.py {task} {folder}/shift.txt"
    keys = {"command": command, "files": ["{folder}/shift.txt"], "rules": "{folder}/shifted.smk"}
    workplace.write_study(methods=[declare(tmp_path, "Shifted", code, **keys), "pca_sampler"], seeds=[0])
    workplace.run()
    assert read_json(workplace.run_folder("Shifted", 0, "own") / "status.json")["command"][-1] == str(table)
    assert workplace.planned() == set()
    table.write_text("8\n")
    assert "Run Shifted, setting own, seed 0 on digits" in workplace.planned()
    report = (workplace.results / "report.html").read_text(encoding="utf-8")
    assert "The study runs 2 programs (Shifted and PCA)" in " ".join(report.split())
    status = read_json(workplace.run_folder("PCA", 0, "own") / "status.json")
    assert (status["state"], status["images_seen"]) == ("ok", 1197)
    assert "scikit-learn" in status["versions"]
