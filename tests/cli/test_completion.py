"""Completion in a shell, by the shell itself, and the list of commands in the help."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sngan_repro.cli.completion import completion_script
from sngan_repro.cli.main import COMMANDS, build_parser, main

FILES = ("config/studies/first.yaml", "config/studies/second_mini.yaml", "samples.npy", "mine.py", "other/x.yml")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two studies and the bash script."""
    folder = tmp_path_factory.mktemp("completion")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "script").write_text(completion_script(build_parser(), "bash", ["sngan", "wgan", "wgan_gp"]))
    return folder


COMPLETE = """
source ./script
read -r -a words <<< "$(complete -p sngan-repro)"
for ((i = 0; i < ${#words[@]}; i++)); do [ "${words[i]}" = -F ] && function="${words[i + 1]}"; done
COMP_WORDS=(sngan-repro "$@") COMP_CWORD=$#
$function
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (["chec"], ["check", "check-method", "check-samples"]),
        (["agg"], []),  # a command of a rule
        (["status", "--f"], ["--fail"]),
        (["check", "--study", ""], ["first", "second_mini"]),
        (["check", "--study", "sec"], ["second_mini"]),
        (["check", "--study", "other/"], ["other/x.yml"]),
        (["results", "fi"], ["first"]),
        (["compare", "first", "s"], ["second_mini"]),
        (["methods", "wg"], ["wgan", "wgan_gp"]),
        (["check-method", "m"], ["mine.py"]),
        (["score-images", "--images", "sam"], ["samples.npy"]),
        (["check", "--results-dir", "o"], ["other"]),
        (["bundle", "--snapshots", ""], ["last", "all", "none"]),
        (["sample", "--interpolate", "s"], ["spherical"]),
        (["completion", ""], ["bash", "zsh"]),
    ],
)
def test_bash_offers(work: Path, line: list[str], offered: list[str]):
    command = ["bash", "--norc", "-c", COMPLETE, "bash", *line]
    result = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True)
    assert sorted(result.stdout.split()) == sorted(offered)


SETUP = """
PROMPT= RPROMPT=
fpath+=$PWD/functions
autoload -Uz compinit && compinit -D -u
compadd() {
    local -a offered
    builtin compadd -O offered "$@"
    print -l -- $offered >> offered.txt
    builtin compadd "$@"
}
offer() { BUFFER=$TYPED; CURSOR=$#BUFFER; zle list-choices; print > ended }
zle -N offer
bindkey '^X' offer
print > ready
"""
DRIVE = """
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "TYPED=${(q)1}; source ./setup"
await() { repeat 2400; do [[ -e $1 ]] && return; zpty -rt shell > /dev/null; sleep 0.05; done; exit 1 }
await ready
zpty -w -n shell $'\\x18'
await ended
zpty -d shell
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("chec", ["check", "check-method", "check-samples"]),
        ("agg", []),  # a command of a rule
        ("status --f", ["--fail"]),
        ("check --study sec", ["second_mini"]),
        ("check --results-dir o", ["other"]),
        ("results fi", ["first"]),
        ("methods wg", ["wgan", "wgan_gp"]),
        ("check-method m", ["mine.py"]),
        ("bundle --snapshots ", ["last", "all", "none"]),
        ("sample --interpolate s", ["spherical"]),
        ("completion ", ["bash", "zsh"]),
    ],
)
def test_zsh_offers(typed: str, offered: list[str], tmp_path: Path):
    """In an interactive zsh with a terminal, whose ``compadd`` also writes what it adds."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "functions").mkdir()
    script = completion_script(build_parser(), "zsh", ["sngan", "wgan", "wgan_gp"])
    (tmp_path / "functions/_sngan-repro").write_text(script)
    (tmp_path / "setup").write_text(SETUP)
    (tmp_path / "offered.txt").touch()
    subprocess.run(["zsh", "-f", "-c", DRIVE, "drive", f"sngan-repro {typed}"], cwd=tmp_path, check=True)
    assert set((tmp_path / "offered.txt").read_text().split()) == set(offered)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_shell_can_read_the_script(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main(["completion", shell])
    script = capsys.readouterr().out
    assert " sngan " in script  # the names of methods
    assert "_sngan_repro_studies" in script
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    (tmp_path / "script").write_text(script)
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


def test_the_help_lists_the_commands_for_users_and_names_those_of_rules(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--help"])
    listed, named = capsys.readouterr().out.split("\noptions:")
    for name, command in COMMANDS.items():
        assert bool(re.search(rf"^    {name}\b(?!-)", listed, re.MULTILINE)) == (not command.of_rule), name
        assert not command.of_rule or name in "".join(named.split()), name
