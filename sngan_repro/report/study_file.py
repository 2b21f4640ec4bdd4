"""The study file, the command that runs it, and the texts that the user wrote beside it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sngan_repro.config.machine import join_changes
from sngan_repro.core.schema import ConfigError
from sngan_repro.report.pandoc import read_markdown, safe_prose
from sngan_repro.report.safe import cited_keys
from sngan_repro.study.load import STUDIES_DIR, study_path
from sngan_repro.study.study import Study

NOTES = {
    "easy": "What was easy",
    "difficult": "What was difficult",
    "authors": "Communication with the original authors",
}
"""Part of a file's name -> heading. ``config/studies/quick.easy.md`` is the first one of the study ``quick``."""
LONGEST = 20_000
"""Characters of a note."""


@dataclass(frozen=True)
class Note:
    """A part of the summary that the user writes."""

    title: str
    text: str
    """Markdown, safe; empty if nothing is written yet."""
    reminder: str
    """Markdown: where to write it."""


def note_files(study_file: Path) -> dict[str, Path]:
    """Key of :data:`NOTES` -> file, which need not exist."""
    return {key: study_file.with_suffix(f".{key}.md") for key in NOTES}


def sources(study_file: Path) -> list[str]:
    """The files that the report reads beside the results: the study file and its notes, as far as they exist."""
    return [str(path) for path in (study_file, *note_files(study_file).values()) if path.is_file()]


def read_notes(study: Study, study_file: Path | None, known: Collection[str]) -> list[Note]:
    """The notes of a study. known: the keys of the bibliography.

    Raises ConfigError if a file is no text, is too long, or cites a key that the bibliography does not have.
    """
    place = study_file or study_path(study.changed.study if study.changed else study.name)
    notes = []
    for key, file in note_files(place).items():
        reminder = f"\\[**Not written yet.** Write this part in `{shown(file)}`.\\]"
        notes.append(Note(NOTES[key], _read(file, known) if file.is_file() else "", reminder))
    return notes


def _read(file: Path, known: Collection[str]) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file}: cannot be read as text in UTF-8: {error}") from None
    if len(text) > LONGEST:
        raise ConfigError(f"{file}: {len(text)} characters; at most {LONGEST} fit the summary")
    if unknown := sorted(cited_keys(json.loads(read_markdown(text, []))) - set(known)):
        raise ConfigError(
            f"{file}: no entry of references.bib has the key {', '.join(unknown)}; add it, or write \\@ for an @ that "
            "is no citation"
        )
    return safe_prose(text)


def file_text(study_file: Path | None) -> str:
    """The study file as a block of code in Markdown; empty without a file."""
    if study_file is None or not study_file.is_file():
        return ""
    text = study_file.read_text(encoding="utf-8").rstrip()
    fence = "`" * max(4, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def command(study: Study, study_file: Path | None) -> str:
    """The command that makes all results of the study."""
    name = study.changed.study if study.changed else study.name
    if study_file is not None and study_file.parent != STUDIES_DIR:
        name = shown(study_file)
    words = [f"study={name}"]
    words += [f"set={join_changes(study.changes)}"] if study.changes else []
    return f"snakemake --cores all --config {shlex.join(words)}"


def shown(file: Path) -> str:
    """A path without the folders of this machine."""
    return file.name if file.is_absolute() else file.as_posix()
