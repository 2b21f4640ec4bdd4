"""The pages of the documentation, taken apart into commands and snippets."""

from __future__ import annotations

import importlib.util
import re
import shlex
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "results/README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = {
    "sngan-repro",
    "snakemake",
    "make",
    "pip",
    "python",
    "python3",
    "conda",
    "cp",
    "export",
    "tensorboard",
    "squeue",
}
FENCED = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
"""A block, which may be indented."""
LANGUAGES = {"bash", "python", "yaml", "text", ""}
"""What a fenced block may be; text, and what has no language, is output."""


def load_generate():
    """docs/generate.py, which MkDocs loads and which is in no package."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fenced(page: Path) -> list[tuple[str, str]]:
    """(language, text) of every fenced block."""
    return [(language, textwrap.dedent(text)) for _, language, text in FENCED.findall(page.read_text(encoding="utf-8"))]


def snippets(page: Path, language: str) -> list[str]:
    """The blocks of one language, in order."""
    return [text for found, text in fenced(page) if found == language]


def commands(page: Path) -> list[str]:
    """Every command: the lines of bash blocks, and code in the text that begins with the name of a program."""
    prose = FENCED.sub("", page.read_text(encoding="utf-8"))
    lines = [line for block in snippets(page, "bash") for line in block.replace("\\\n", " ").splitlines()]
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose) if code.split()[0] in PROGRAMS]
    return [part for line in lines for part in _simple(line) if part]


def _simple(line: str) -> list[str]:
    """``a && b > c  # why`` as [``a``, ``b``]."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars="&;>|")
    lexer.whitespace_split, lexer.commenters = True, "#"
    parts: list[list[str]] = [[]]
    skip = False
    for token in lexer:
        if set(token) <= set("&;|"):
            parts.append([])
        elif token.startswith(">"):
            skip = True
        elif skip:
            skip = False
        else:
            parts[-1].append(token)
    return [" ".join(part) for part in parts]


def words(command: str) -> list[str]:
    """A command as the shell would split it."""
    return shlex.split(command)
