"""Every command of README and docs: run where that takes seconds, else checked against what it would find."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml
from docs_support import PAGES, ROOT, commands, words

from sngan_repro.cli.main import COMMANDS as OWN_COMMANDS
from sngan_repro.cli.main import build_parser, main
from sngan_repro.config.machine import load_machine
from sngan_repro.study.load import load_study

PLACEHOLDERS = {"NAME": "quick", "FILE": "nothing.safetensors", "DIR": "published"}
COMMANDS = sorted(
    {
        re.sub(r"\b[A-Z]{4}\b|\bDIR\b", lambda found: PLACEHOLDERS.get(found[0], found[0]), command)
        for page in PAGES
        for command in commands(page)
    }
)

NOT_RUN = {
    "make": "makes an environment, runs studies or all tests; .ci/run calls lint, docs and test",
    "snakemake": "trains; tests/end_to_end runs the workflow",
    "pip": "installs",
    "python3": "makes an environment",
    "python": "asks PyTorch for a GPU",
    "conda": "installs",
    "tensorboard": "serves until it is stopped",
    "export": "changes the shell",
    ".": "changes the shell",
    "squeue": "needs Slurm; tests/end_to_end/slurm uses it",
}
"""Programs that are checked and not run, and why."""
COMMANDS_NOT_RUN = {
    "bundle": "needs a finished study; tests/api/test_bundle.py",
    "verify": "needs a bundle; tests/api/test_bundle.py",
    "results": "needs a finished study",
    "compare": "needs two finished studies",
    "score-images": "needs images; tests/api/test_api.py",
    "export": "needs a trained run; tests/api/test_export.py",
    "sample": "needs a trained run; tests/nets/test_sampling.py",
    "check-samples": "needs samples of a program; tests/training/program/test_program_contract.py",
    "new-method": "writes files; tests/extend/test_new_method.py",
    "check-method": "needs the method that new-method writes; tests/extend/test_check_method.py",
}
"""Commands of sngan-repro that are parsed and not run, and why."""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like a clone, with a study of one's own."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copy(ROOT / "config/studies/quick.yaml", tmp_path / "config/studies/mine.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_commands():
    assert {"snakemake --cores all", "make study", "sngan-repro methods"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.slow
def test_command(command: str, work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    program, *arguments = words(command)
    if program == "sngan-repro":
        run_own(arguments, capsys)
    elif program == "cp":
        shutil.copy(*arguments)
    else:
        assert program in NOT_RUN, f"`{command}`: run it in this test, or say in NOT_RUN why not"
        check = CHECKS.get(program)
        assert check is not None, program
        check(arguments, work, monkeypatch)


def test_no_reason_is_left_over():
    first, second = ({words(command)[:2][place] for command in COMMANDS if " " in command} for place in (0, 1))
    assert set(NOT_RUN) <= first
    assert set(COMMANDS_NOT_RUN) & set(OWN_COMMANDS) <= second


def run_own(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if not any(word.startswith("-") for word in arguments) and arguments[0] in ("check", "status"):
        arguments = [*arguments, "--study", "quick"]  # named in the text without a study
    given = build_parser().parse_args(arguments)
    if given.command in COMMANDS_NOT_RUN or getattr(given, "watch", None):
        return
    main([*arguments, "--no-measure"] if given.command == "check" and not given.no_measure else arguments)
    assert capsys.readouterr().out.strip()


def check_snakemake(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # profiles are looked for here
    from snakemake.cli import parse_args, parse_config  # takes a second

    _, given = parse_args(arguments)
    for profile in given.profile or []:
        assert (ROOT / profile / "config.yaml").exists(), profile
    rules = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")])
    for target in given.targets:
        assert re.search(rf"^rule {target}:", rules, re.MULTILINE), target
    monkeypatch.chdir(work)
    machine = load_machine(parse_config(given.config or []))
    load_study(machine.study, machine.set)


def check_make(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for argument in arguments:
        name = argument.split("=")[0]
        pattern = rf"^{name} \?=" if "=" in argument else rf"^{name}:"
        assert re.search(pattern, makefile, re.MULTILINE), argument


def check_pip(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert arguments[0] == "install"
    if "-c" in arguments:
        assert (ROOT / arguments[arguments.index("-c") + 1]).exists()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for argument in arguments:
        if found := re.fullmatch(r"\.\[(\w+)\]", argument):
            assert found[1] in extras, argument


def check_python(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if arguments[0] == "-m":
        own = ROOT / f"{arguments[1].replace('.', '/')}.py"
        assert own.exists() or importlib.util.find_spec(arguments[1]) is not None
    else:
        assert arguments[0] == "-c"
        compile(arguments[1], "docs", "exec")


def check_conda(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if arguments[0] == "activate":
        assert yaml.safe_load((ROOT / "environment.yml").read_text())["name"] == arguments[1]
    else:
        assert arguments[:3] == ["env", "create", "-f"]
        assert (ROOT / arguments[3]).exists()


def check_tensorboard(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("tensorboard") is not None
    option, folder = arguments
    assert option == "--logdir"
    assert re.fullmatch(r"results/(\w+)/runs", folder)
    load_study(folder.split("/")[1])


def check_shell(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (argument,) = arguments
    if argument.startswith("PIP_EXTRA_INDEX_URL="):
        assert argument.endswith("=https://download.pytorch.org/whl/cpu")
    elif argument.startswith("SNAKEMAKE_PROFILE="):
        assert (ROOT / argument.split("=")[1] / "config.yaml").exists()
    else:
        assert argument == ".venv/bin/activate"


def check_squeue(arguments: list[str], work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert arguments[0] == "--me"


CHECKS = {
    "snakemake": check_snakemake,
    "make": check_make,
    "pip": check_pip,
    "python": check_python,
    "python3": check_python,
    "conda": check_conda,
    "tensorboard": check_tensorboard,
    "export": check_shell,
    ".": check_shell,
    "squeue": check_squeue,
}
