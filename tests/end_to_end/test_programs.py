"""Programs among the methods, through Snakemake: the example of docs/add-a-program.md, divergence and failures."""

from __future__ import annotations

import re
from pathlib import Path

from workplace import (
    PAGE,
    Workplace,
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


def test_failures_are_in_the_log_and_the_rest_goes_on(copied: Workplace, tmp_path: Path):
    methods = [
        write_program(tmp_path, "Half", HALF),
        write_program(tmp_path, "Crash", "print('no such matrix', flush=True)\nraise SystemExit(3)"),
        write_program_of_the_page(tmp_path),
    ]
    copied.write_study(methods=methods, seeds=[0])
    output = copied.run(check=False)
    names = {name: copied.stored(name, 0, "own").name for name in ("Half", "Crash")}
    logs = {name: copied.results / f"logs/train/{run}.log" for name, run in names.items()}
    wrong = (
        "found float32 (100, 1, 16, 16); needed: uint8 (at least 100, 16, 16, 1), images x height x width x channels"
    )
    for text in (logs["Half"].read_text(), output):
        assert "components: 3 of 7" in text
        assert wrong in text
    crash = logs["Crash"].read_text()
    assert crash.index("no such matrix") < crash.index(f"error: {names['Crash']}: the program '")
    assert "failed (exit code 3)" in crash
    for name in ("Half", "Crash"):
        assert str(logs[name]) in output
        assert not (copied.run_folder(name, 0, "own") / "samples").exists()
    assert read_json(copied.scores("Mover", 0, "own"))["records"]


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
