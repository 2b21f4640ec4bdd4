"""pandoc and Typst: from Markdown to a safe document, and from that to HTML and PDF."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path

from sngan_repro.core.schema import ConfigError
from sngan_repro.report.safe import FORMAT, PROSE_FORMAT, safe_document

# Wide tables as pipe tables keep their natural widths only when no line is longer than `columns`.
COLUMNS = "--columns=100000"


def read_markdown(text: str, figures: Collection[str]) -> str:
    """A report in Markdown as a safe document, pandoc's JSON. figures: the names of its image files."""
    return safe_document(_convert(text, "json", FORMAT), figures)


def safe_prose(text: str) -> str:
    """A text of the user in Markdown, as safe Markdown that is complete in itself: it opens nothing that stays open."""
    if not text.strip():
        return ""
    return _convert(safe_document(_convert(text, "json", PROSE_FORMAT), ()), PROSE_FORMAT, "json")


def typeset(document: str, to: str, target: Path, bibliographies: Sequence[Path], options: Sequence[str] = ()) -> None:
    """Write a safe document as a file of another format. Raises ConfigError with the error of pandoc."""
    files = [f"--bibliography={file}" for file in bibliographies]
    _convert(document, to, "json", ["--standalone", "--citeproc", *files, *options], target)


def write_latex(document: str, target: Path, options: Sequence[str] = ()) -> None:
    """Write a safe document as LaTeX with citations for natbib. Raises ConfigError with the error of pandoc."""
    values = ["documentclass=article", "papersize=a4", "fontsize=11pt", "geometry=margin=20mm", "colorlinks=true"]
    values += ["natbiboptions=round", "biblio-style=plainnat", "bibliography=references"]
    variables = [f"--variable={value}" for value in values]
    _convert(document, "latex", "json", ["--standalone", "--natbib", "--number-sections", *variables, *options], target)


def compile_typst(source: Path, target: Path, timestamp: int) -> None:
    """Write the PDF of a Typst file, which may read files beside it only. Raises ConfigError with Typst's error."""
    import typst

    fonts = _fonts_of_figures()
    try:
        typst.compile(
            str(source),
            output=str(target),
            root=str(source.parent),
            font_paths=[str(fonts)],
            ignore_system_fonts=True,
            timestamp=timestamp,
        )
    except typst.TypstError as error:
        raise ConfigError(f"{target.name}: Typst: {error.message}\n{error.diagnostic}") from None


def _fonts_of_figures() -> Path:
    """The folder of DejaVu Sans, which comes with matplotlib. It is found without an import of matplotlib."""
    found = importlib.util.find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"


def _convert(text: str, to: str, form: str, options: Sequence[str] = (), target: Path | None = None) -> str:
    import pypandoc

    try:
        found: str = pypandoc.convert_text(
            text, to, format=form, outputfile=None if target is None else str(target), extra_args=[COLUMNS, *options]
        )
    except (RuntimeError, UnicodeError) as error:
        raise ConfigError(f"{target.name if target else 'the report'}: pandoc: {error}") from None
    return found
