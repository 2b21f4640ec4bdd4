"""The Jinja environment of the report: its filters, its sentences, and its bibliographies."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2

from sngan_repro.analysis import naming
from sngan_repro.analysis.tables.printed import markdown_escape
from sngan_repro.core import plugins
from sngan_repro.core import text as words
from sngan_repro.core.schema import ConfigError
from sngan_repro.report.citations import citation_keys

TEMPLATES = (
    "report",
    "methods",
    "results",
    "discriminator",
    "sensitivity",
    "artefacts",
    "published",
    "claims",
    "sentences",
    "captions",
    "summary",
    "appendix",
)
FONT = "fonts/latinmodern-math-subset.woff2"
FILES = (*(f"{name}.md.j2" for name in TEMPLATES), "references.bib", "style.css", "template.typ", FONT)
"""The files that a folder of templates must have."""


class Templates:
    """The templates of a folder. Raises ConfigError if one of :data:`FILES` is missing."""

    def __init__(self, folder: Path) -> None:
        for name in FILES:
            if not (folder / name).is_file():
                raise ConfigError(f"{folder / name}: no such file; the report needs it")
        self.folder = folder
        self.environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        # pandoc cannot read the two halves of a character beyond U+FFFF.
        self.environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
        self.environment.filters |= {"md": markdown_escape, "first_upper": lambda text: text[:1].upper() + text[1:]}
        self.environment.globals |= {"naming": naming, "words": words, "say": self.say}

    def say(self, macro: str, *values: object, file: str = "sentences") -> str:
        """The text of a macro of sentences.md.j2, or of another file, as one line."""
        text = getattr(self.environment.get_template(f"{file}.md.j2").module, macro)(*values)
        return re.sub(r"[ \n]+", " ", text).strip()

    def bibliographies(self) -> list[Path]:
        """The files whose entries may be cited: the report's own, and those in the folders of the user's plugins."""
        return [self.folder / "references.bib", *plugins.bibliographies()]

    def citation_keys(self) -> set[str]:
        """The keys of all entries that may be cited."""
        return citation_keys(self.bibliographies())
