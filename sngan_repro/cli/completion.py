"""Completion of commands, options, files and names in a shell: a script that shtab makes from the parser."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace

from sngan_repro.cli.options import Option, build_parser, command

BASH = """\
_sngan_repro_studies() {
  local file
  for file in config/studies/*.yaml; do
    file="${file##*/}"
    [ "$file" = "*.yaml" ] || compgen -W "${file%.yaml}" -- "$1"
  done
  compgen -f -X '!*.y*ml' -- "$1"
  [[ "$1" != */* ]] || compgen -d -- "$1"
}
_sngan_repro_methods() { compgen -W "METHODS" -- "$1"; compgen -f -X '!*.py' -- "$1"; }
"""
ZSH = """\
_sngan_repro_studies() {
  local -a names
  names=(config/studies/*.yaml(N:t:r))
  compadd -a names
  _files -g '*.y(|a)ml'
}
_sngan_repro_methods() { compadd METHODS; _files -g '*.py'; }
"""
"""METHODS is replaced by the names of all methods, those of plugins included. Names of studies are looked up later."""


@command(
    "print a script that completes commands, options and names in a shell",
    Option("shell", choices=("bash", "zsh"), help="the shell that reads the script"),
)
def completion(given: Namespace) -> None:
    from sngan_repro.config.machine import load_machine
    from sngan_repro.methods import method_names

    load_machine()  # it names the plugins
    print(completion_script(build_parser(), given.shell, method_names()))


def completion_script(parser: ArgumentParser, shell: str, methods: list[str]) -> str:
    """The script for ``bash`` or ``zsh``. An argument is completed as its ``Option.completes`` says."""
    import shtab

    own = {name: {"bash": f"_sngan_repro_{name}", "zsh": f"_sngan_repro_{name}"} for name in ("studies", "methods")}
    kinds = {"files": shtab.FILE, "folders": shtab.DIRECTORY, **own}
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for inner in subparsers.choices.values():
        for action in inner._actions:
            if kind := getattr(action, "completes", None):
                action.complete = kinds[kind]
    functions = {"bash": BASH, "zsh": ZSH}[shell].replace("METHODS", " ".join(methods))
    script: str = shtab.complete(parser, shell=shell, preamble=functions)
    return script
