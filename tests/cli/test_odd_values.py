"""Every option of every command with odd values: the command works, or ends with one message."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sngan_repro.cli.main import COMMANDS, main
from sngan_repro.cli.options import Option

ROOT = Path(__file__).parents[2]
VALUES = ["/dev/zero", "x" * 300, "~no_such_user/x", "9" * 20, ""]


@contextlib.contextmanager
def limited_memory(size: int) -> Iterator[None]:
    """A block that may take so many bytes more. Reading /dev/zero to its end would take all memory of the machine."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def words(options: Sequence[Option], odd: Option, value: str) -> list[str]:
    """Arguments of a command: one value for ``odd``, and files that do not exist for what must be given."""
    found = []
    for option in options:
        flag, settings = option.flags[-1], option.settings
        if option is odd:
            found.append(f"{flag}={value}" if flag.startswith("-") else value)
        elif settings.get("required"):
            found.append(f"{flag}=missing")
        elif not flag.startswith("-") and settings.get("nargs") not in ("?", "*"):
            found.append("quick")
    return found


def ended(arguments: list[str]) -> object:
    """How a command ends: 0, or the exit code of an error."""
    with limited_memory(1 << 33):
        try:
            main(arguments)
        except SystemExit as end:
            return end.code
    return 0


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_odd_values_of_options(command, tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "config", tmp_path / "config")  # `new-method` writes there
    for name in ("programs", "report", "Snakefile", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNGAN_REPRO_DOWNLOAD", "0")
    options = COMMANDS[command].options
    for odd in (option for option in options if "action" not in option.settings):
        for value in VALUES:
            given = [command, *words(options, odd, value)]
            code, said = ended(given), capsys.readouterr().err
            assert code == 0 or (code == 2 and "error: " in said and "Traceback" not in said), (given, said)
