"""How a command is declared: its name, its help, its options and its function. Nothing here imports pydantic or torch.

A value of this machine that the workflow exports as ``SNGAN_REPRO_<NAME>`` is the default of the option for it.
"""

from __future__ import annotations

import argparse
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sngan_repro.core.version import __version__

Function = Callable[[Namespace], None]
MAX_THREADS = 4096
"""Of a command. PyTorch fails with an error of its own for much larger numbers."""


class Option:
    """One argument of a command; flags and settings are those of ``ArgumentParser.add_argument``.

    exported: the name of the variable, without ``SNGAN_REPRO_``, whose value replaces the default. A switch
    (``store_true``) is on if the value is 0. completes: what a shell offers for its value: ``files``, ``folders``,
    ``studies`` or ``methods``.
    """

    def __init__(self, *flags: str, exported: str | None = None, completes: str | None = None, **settings: Any) -> None:
        self.flags, self.exported, self.completes, self.settings = flags, exported, completes, settings

    def add_to(self, parser: ArgumentParser) -> None:
        """Add the argument to a parser. The environment is read here."""
        settings = dict(self.settings)
        value = os.environ.get(f"SNGAN_REPRO_{self.exported}", "") if self.exported else ""
        if value:
            settings["default"] = value == "0" if settings.get("action") == "store_true" else value
            settings.pop("required", None)
        vars(parser.add_argument(*self.flags, **settings))["completes"] = self.completes


@dataclass(frozen=True)
class Command:
    """One command of ``sngan-repro``. of_rule: a rule of the workflow calls it, so ``--help`` only names it."""

    name: str
    summary: str
    options: Sequence[Option]
    function: Function
    of_rule: bool = False

    def add_to(self, subparsers: Any) -> None:
        """Add the command and its options to the subparsers of the program."""
        listed = {} if self.of_rule else {"help": self.summary}
        parser = subparsers.add_parser(self.name, description=self.summary, **listed)
        for option in self.options:
            option.add_to(parser)


COMMANDS: dict[str, Command] = {}
"""All commands by name, in the order of their declaration."""


def command(summary: str, *options: Option, of_rule: bool = False) -> Callable[[Function], Function]:
    """A decorator that makes a function a command: ``check_data`` is ``sngan-repro check-data``."""

    def declare(function: Function) -> Function:
        name = function.__name__.replace("_", "-")
        COMMANDS[name] = Command(name, summary, options, function, of_rule)
        return function

    return declare


def rule_command(summary: str, *options: Option) -> Callable[[Function], Function]:
    """A decorator like :func:`command` for the command of a rule, which records how its job ends."""
    return command(summary, *options, LOG, of_rule=True)


def build_parser() -> ArgumentParser:
    """The parser of all commands."""
    of_rules = ", ".join(name for name, each in COMMANDS.items() if each.of_rule)
    more = f"The rules of the workflow call these commands, which also have --help: {of_rules}."
    about = "A reproducibility-study pipeline for GANs."
    parser = ArgumentParser(prog="sngan-repro", description=about, epilog=more)
    parser.add_argument("--version", action="version", version=f"sngan-repro {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for each in COMMANDS.values():
        each.add_to(subparsers)
    return parser


# The types of values. argparse prints the message of an ArgumentTypeError and ends with exit code 2.


def positive(text: str) -> int:
    """A whole number from 1 to a billion."""
    if not 1 <= int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 10^9")
    return int(text)


def threads(text: str) -> int:
    """A number of CPU threads."""
    if not 1 <= int(text) <= MAX_THREADS:
        raise argparse.ArgumentTypeError(f"{text} is not a number of threads from 1 to {MAX_THREADS}")
    return int(text)


def file(text: str) -> Path:
    """The path of a file."""
    if not Path(text).name:
        raise argparse.ArgumentTypeError(f"'{text}' is not the name of a file")
    return Path(text)


def seconds(text: str) -> float:
    """A number of seconds, at least 1."""
    if not 1 <= float(text) < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 1 on")
    return float(text)


def seed(text: str) -> int:
    """A seed, from 0 to 2^32 - 1."""
    if not 0 <= int(text) < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2^32 - 1")
    return int(text)


def size(text: str) -> tuple[int, int]:
    """An image size such as ``32x3``: (pixels, channels)."""
    pixels, _, channels = text.partition("x")
    if not (pixels.isdigit() and channels in ("1", "3") and 16 <= int(pixels) <= 128 and int(pixels) % 4 == 0):
        raise argparse.ArgumentTypeError(f"{text} is not PIXELSxCHANNELS such as 32x3 (16 to 128 pixels, by 4; 1 or 3)")
    return int(pixels), int(channels)


# Options that several commands share.

LOG = Option("--log", type=file, help="the job's log: a record of how the job ends is written beside it, as .json")

FOLDERS = (
    Option("--results-dir", completes="folders", help="replaces `results_dir` of config/config.yaml"),
    Option("--data-dir", completes="folders", help="replaces `data_dir` of config/config.yaml"),
)
CHANGES = Option(
    "--set",
    action="append",
    metavar="KEY=VALUE",
    help="replace a key of the study, such as budget.steps=50; repeatable. Its results have a folder of their own",
)
NAMED_STUDY = (
    Option(
        "study",
        nargs="?",
        metavar="STUDY",
        completes="studies",
        help="a name or a file; default: that of config/config.yaml",
    ),
    CHANGES,
    *FOLDERS,
)
STUDY = (
    Option(
        "--study",
        completes="studies",
        help="a name in config/studies or the path of a study file; default: config/config.yaml's",
    ),
    CHANGES,
    *FOLDERS,
)
DEVICE = (
    Option("--device", default="auto", exported="DEVICE", help="auto | cpu | cuda | cuda:N (default: %(default)s)"),
    Option("--threads", type=threads, help="CPU threads (default: torch's own choice)"),
)
DATASET = Option("--dataset", required=True, help="folder of the prepared images")
NO_DOWNLOAD = Option("--no-download", action="store_true", exported="DOWNLOAD", help="never use the network")
RUN_SPEC = Option("--spec", required=True, help="the run's specification: JSON, or a file such as a run's spec.json")
RUN = Option("--run", required=True, help="folder of the run")
TOGETHER = (
    Option(
        "--together",
        type=positive,
        default="1",
        exported="RUNS_PER_GPU",
        help="runs of --study in one process (default: %(default)s)",
    ),
    Option("--study", default="", exported="STUDY", help="the study that the other runs of --together belong to"),
    Option("--set", default="[]", exported="SET", help="its changes, a JSON list of KEY=VALUE"),
)
SCORING_DIGEST = Option("--digest", default="", help="part of the name of the file to write; default: none")
SCORING = (
    Option("--protocols", required=True, help="the study's `scores`, JSON"),
    DATASET,
    Option("--evaluators", required=True, help="evaluator name -> folder, JSON"),
    Option("--inception-weights", exported="INCEPTION_WEIGHTS", help="where the weights are now, if they were moved"),
)
