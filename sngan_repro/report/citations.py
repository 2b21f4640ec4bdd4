"""The keys of BibTeX files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def citation_keys(files: Iterable[Path]) -> set[str]:
    """The keys of all entries of BibTeX files. A file that does not exist has none."""
    texts = [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    return {key for text in texts for key in re.findall(r"^\s*@\w+\{\s*([^,\s]+)", text, re.MULTILINE)}
