"""`sngan-repro new-method`: what it writes works at once, and what it refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from sngan_repro.cli.main import main
from sngan_repro.core import plugins
from sngan_repro.core.schema import ConfigError
from sngan_repro.extend.check_method.case import Case
from sngan_repro.extend.new_method import new_method
from sngan_repro.methods import METHODS
from sngan_repro.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("own_plugins")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the configuration that ships."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text((ROOT / "config/config.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_says_what_to_do_next(work: Path, capsys):
    before = (work / "config/config.yaml").read_text()
    main(["new-method", "my_gan"])
    printed = capsys.readouterr().out
    assert printed.splitlines() == [
        "wrote methods/my_gan.py, a complete method to begin from",
        "wrote methods/test_my_gan.py, its test",
        "",
        "set `plugins: [methods]` in config/config.yaml, so that the method is found",
        "",
        "1. Make it yours: edit methods/my_gan.py, and try it out with",
        "       sngan-repro check-method my_gan",
        "       python -m pytest methods/test_my_gan.py",
        "2. Name it in a study file, and run the study:",
        "       methods:",
        "         - my_gan",
    ]
    after = (work / "config/config.yaml").read_text()
    assert after == before.replace("plugins: []", "plugins: [methods]") != before
    assert METHODS.get("my_gan").__name__ == "MyGan"
    main(["new-method", "another"])
    assert "config/config.yaml has `plugins` with methods" in capsys.readouterr().out
    main(["new-method", "third", "--dir", "more"])
    assert yaml.safe_load((work / "config/config.yaml").read_text())["plugins"] == ["methods", "more"]
    assert {"my_gan", "another", "third"} <= set(METHODS.names())


@pytest.mark.parametrize("text", [None, "study: quick\n", "plugins:\n  - own\n", "plugins: own\n"])
def test_a_configuration_that_is_written_otherwise_is_left_alone(text: str | None, work: Path, capsys):
    config = work / "config/config.yaml"
    config.unlink() if text is None else config.write_text(text)
    (work / "own").mkdir()
    main(["new-method", "my_gan"])
    said = "In config/config.yaml, add methods to `plugins`, so that the method is found: plugins: [methods]"
    assert said in capsys.readouterr().out
    assert (config.read_text() if config.exists() else None) == text


@pytest.mark.slow
def test_its_test_passes_and_fails_when_the_method_is_broken(work: Path):
    new_method("my_gan")

    def tested() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "methods/test_my_gan.py"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert "3 passed" in tested().stdout
    file = work / "methods/my_gan.py"
    file.write_text(file.read_text().replace("f_real.detach().mean()", "f_real.mean()"))
    result = tested()
    assert result.returncode == 1
    assert "2 failed, 1 passed" in result.stdout
    assert "the log `d_real` of `d_loss` is" in result.stdout


def test_it_trains(work: Path):
    """Least squares pull f to the target on real images and to 0 on fakes."""
    new_method("my_gan")
    spec = Case.of("my_gan", {"target": 0.8}, [(16, 1)], "cpu", {"lr": 2e-3, "n_dis": 1}).spec(16, batch_size=16)
    images = np.tile(np.arange(16, dtype=np.uint8)[None, :, None, None] * 16, (40, 1, 16, 1))
    trainer = Trainer(spec, images, torch.device("cpu"))
    logs = [trainer.step() for _ in range(30)]
    first, last = logs[0], logs[-1]
    assert float(last["d_loss"]) < float(first["d_loss"]) / 2
    assert float(last["d_real"]) == pytest.approx(0.8, abs=0.3)
    assert float(last["d_fake"]) == pytest.approx(0, abs=0.3)


def test_into_the_package(tmp_path: Path, monkeypatch):
    """As a method that is to be part of the package; its test needs no plugin."""
    (tmp_path / "sngan_repro/methods").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    monkeypatch.setattr("sngan_repro.extend.new_method.ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    told = new_method("my_gan", in_package=True)
    assert told[:2] == [
        "wrote sngan_repro/methods/my_gan.py, a complete method to begin from",
        "wrote tests/test_method_my_gan.py, its test",
    ]
    assert not any("plugins" in line for line in told)
    test = (tmp_path / "tests/test_method_my_gan.py").read_text()
    assert "load" not in test
    assert "Path" not in test
    for options in (["check", "--ignore=I001"], ["format", "--check"]):  # I001 would need to know the package
        ruff = [sys.executable, "-m", "ruff", *options, "--config", str(ROOT / "pyproject.toml"), str(tmp_path)]
        subprocess.run(ruff, check=True)
    plugins.load(tmp_path / "sngan_repro/methods/my_gan.py")
    namespace = {"__name__": "test_method_my_gan"}
    exec(compile(test, "test_method_my_gan.py", "exec"), namespace)
    namespace["test_losses_by_hand"]()
    (tmp_path / "tests/test_method_my_gan.py").unlink()
    (tmp_path / "tests").rmdir()
    with pytest.raises(ConfigError, match="not a checkout of the repository; leave out --in-package"):
        new_method("my_other", in_package=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["My-GAN"],
            "'My-GAN' cannot be the name of a method: lower-case letters, digits and _ .*; for example my_gan$",
        ),
        (["3x"], "'3x' cannot be the name of a method: .* it is no word of Python$"),
        (["class"], "'class' cannot be the name"),
        (["test_x"], "'test_x' looks like a test"),
        (["sngan"], "there is a method 'sngan' already, in .*methods/sngan.py; give another name"),
        (["present"], r"methods/present.py: the file exists; give another name, or remove it"),
        (["my_gan", "--dir", "config/config.yaml"], "--dir: config/config.yaml is a file; give a folder"),
    ],
)
def test_refused(arguments: list[str], message: str, work: Path, capsys):
    (work / "methods").mkdir()
    (work / "methods/present.py").write_text("x = 1\n")
    with pytest.raises(SystemExit) as stopped:
        main(["new-method", *arguments])
    assert stopped.value.code == 2
    assert re.search(message, capsys.readouterr().err.strip())
    assert [file.name for file in (work / "methods").iterdir()] == ["present.py"]
    assert "plugins: []" in (work / "config/config.yaml").read_text()
