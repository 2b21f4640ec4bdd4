"""The command line: help, messages, listings, sampling."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sngan_repro.cli.main import COMMANDS, main
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.study.load import load_study
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions
from sngan_repro.workflow.packs import packs

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sngan_repro", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_names_every_command():
    result = run("--help")
    assert result.returncode == 0
    words = "".join(result.stdout.split())  # a name may be broken at a hyphen
    assert all(name in words for name in COMMANDS)


def test_help_imports_nothing_heavy():
    code = "import sys; from sngan_repro.cli.main import build_parser; build_parser(); print('pydantic' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--study", "quik"], "error: unknown study 'quik'; did you mean 'quick'?"),
        (["train", "--spec", "{", "--run", "x", "--dataset", "y"], "error: --spec: neither JSON nor a JSON file"),
        (["train", "--spec", "{}", "--run", "x", "--dataset", "y"], "error: --spec: seed: this key is required"),
        (["sample", "--snapshot", "x", "--out", "y.jpg"], "error: --out: '.jpg' is not a known format"),
        (["sample", "--snapshot", "x", "--out", "y.png", "--count", "0"], "argument --count: 0 is not a whole number"),
        (["sample", "--snapshot", "x", "--out", "y.png", "--seed", "-1"], "argument --seed: -1 is not between 0 and"),
        (["sample", "--snapshot", "x", "--out", "y.png", "--device", "gpu"], "error: device 'gpu' is not known"),
        (["check", "--threads", "-2"], "argument --threads: -2 is not a number of threads"),
        (["check", "--study", "config/studies"], "error: config/studies: cannot be read: Is a directory"),
        (
            ["score", "--run", "x", "--dataset", "y", "--protocols", "{}", "--evaluators", "{}"],
            "error: --protocols: a JSON list is needed",
        ),
        (
            ["score", "--run", "absent", "--dataset", "y", "--protocols", "[]", "--evaluators", "{}"],
            "error: absent/spec.json: no such file",
        ),
        (["fetch", "--source", "cifra10", "--downloads", "x"], "did you mean 'cifar10'?"),
    ],
)
def test_mistakes_end_in_one_message(arguments, message, capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def test_a_mistake_ends_the_process_with_code_2():
    result = run("check", "--study", "quik")
    assert result.returncode == 2
    assert "error: unknown study 'quik'" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_lists_runs_and_measures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sngan_repro.training.benchmark.measure", lambda spec, device: 0.01)
    folders = ["--results-dir", str(tmp_path / "results"), "--data-dir", str(tmp_path / "data")]
    main(["check", "--study", "quick", "--threads", "1", *folders])
    printed = capsys.readouterr().out
    assert "36 runs = 1 datasets x 6 methods x 3 settings x 2 seeds" in printed
    steps = 36 * 400
    assert f"{steps:,} generator updates in all" in printed
    assert f"({steps * 0.01:.0f} s)" in printed


def test_moved_weights_reach_the_scoring(monkeypatch: pytest.MonkeyPatch):
    """`inception_weights` of config/config.yaml, which the message about missing weights points to, has an effect."""
    seen = []
    monkeypatch.setattr("sngan_repro.evaluation.score.score_run", lambda *given: seen.append(given[5]))
    command = ["score", "--run", "x", "--dataset", "y", "--protocols", "[]", "--evaluators", "{}", "--device", "cpu"]
    main(command)
    monkeypatch.setenv("SNGAN_REPRO_INCEPTION_WEIGHTS", "moved.pth")
    main(command)
    assert seen == [None, Path("moved.pth")]


def test_a_scoring_job_gets_the_other_runs_of_its_group(monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sngan_repro.evaluation.score.score_run", lambda *given: seen.append((given[0], given[-1])))
    names = [spec.name for spec in packs(load_study("quick").trained_runs(), 3)[1]]
    command = ["score", "--run", f"r/{names[1]}", "--digest", "d", "--dataset", "y", "--protocols", "[]"]
    command += ["--evaluators", "{}", "--device", "cpu", "--study", "quick"]
    main(command)
    main([*command, "--together", "3"])
    one = RunPaths(Path("r") / names[1], "d")
    assert seen == [(one, []), (one, [RunPaths(Path("r") / name, "d") for name in (names[0], names[2])])]


def test_listings(capsys: pytest.CaptureFixture[str]):
    main(["methods"])
    printed = " ".join(capsys.readouterr().out.split())  # lines are wrapped to the terminal's width
    assert "wgan_gp: WGAN-GP." in printed
    assert "penalty_weight: float | None = None - lambda; default: gradient 10, " in printed
    assert "loss: 'standard' | 'minimax' | 'hinge' | 'wasserstein' | 'least_squares' = 'wasserstein' - " in printed
    assert "norm: 'batch' | 'layer' | None = 'batch' - " in printed
    main(["datasets"])
    assert "cifar10: CIFAR-10; 50,000 training and 10,000 test images" in capsys.readouterr().out


def test_schema_is_the_committed_one(capsys: pytest.CaptureFixture[str]):
    main(["schema"])
    committed = (ROOT / "workflow/schemas/study.schema.json").read_text()
    assert capsys.readouterr().out == committed, "run: sngan-repro schema > workflow/schemas/study.schema.json"


def test_sample_from_a_snapshot(tiny_run, tiny_images: Path, tmp_path: Path):
    paths = RunPaths(tmp_path / "run")
    train(tiny_run(), paths, tiny_images, torch.device("cpu"), TrainOptions(tensorboard=False))
    snapshot = str(paths.snapshot(24))
    for out in ("a.npy", "b.npy", "grid.png"):
        main(["sample", "--snapshot", snapshot, "--count", "5", "--seed", "3", "--out", str(tmp_path / out)])
    images = np.load(tmp_path / "a.npy")
    assert images.shape == (5, 16, 16, 1)
    assert images.dtype == np.uint8
    assert np.array_equal(images, np.load(tmp_path / "b.npy"))
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")


def test_train_and_score_from_the_command_line(tiny_run, tiny_images: Path, tmp_path: Path):
    """The two commands of the workflow on a real run, with the classifier trained on the spot."""
    spec = tmp_path / "spec.json"
    spec.write_text(tiny_run().to_json())
    main(
        ["train", "--spec", str(spec), "--run", str(tmp_path / "run"), "--dataset", str(tiny_images), "--threads", "1"]
    )
    options = json.dumps({"epochs": 2, "width": 4, "feature_dim": 8})
    evaluator = ["--name", "classifier", "--options", options, "--out", str(tmp_path / "ev"), "--threads", "1"]
    main(["evaluator", "--dataset", str(tiny_images), *evaluator])
    protocol = {"evaluator": "classifier", "num_fake": 20, "is_splits": 2, "kid_subset_size": 10, "kid_subsets": 5}
    scoring = ["--protocols", json.dumps([protocol]), "--evaluators", json.dumps({"classifier": str(tmp_path / "ev")})]
    main(["score", "--run", str(tmp_path / "run"), "--dataset", str(tiny_images), *scoring, "--threads", "1"])
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert [(r["steps"], r["metric"]) for r in scores["records"]][:2] == [
        (7, "is20s2@classifier"),
        (7, "fid20_train@classifier"),
    ]
    assert [r["selection"] for r in scores["records"]] == [None] * 2 * 5 + ["best"] * 5
