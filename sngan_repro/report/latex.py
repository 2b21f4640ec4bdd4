"""The report as LaTeX: one zip with report.tex, its figures as PDF, and the bibliography."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sngan_repro.analysis.tables.printed import latex_escape
from sngan_repro.core.files import atomic_path
from sngan_repro.report.pandoc import compile_typst, write_latex

README = """The report in LaTeX
===================

report.tex        the whole report; lualatex (or xelatex), bibtex, lualatex, lualatex make the PDF
references.bib    the bibliography, for natbib
figures/          the figures as PDF

The text between \\begin{document} and \\end{document} can be moved into the template of a journal, for example that of
ReScience C. It needs the packages that the first lines of report.tex load.
"""
HEADER = r"""\usepackage{etoolbox}
\AtBeginEnvironment{longtable}{\scriptsize\setlength{\tabcolsep}{2.5pt}}
\setlength{\LTleft}{0pt}
\AtBeginDocument{\setlength{\LTcapwidth}{\textwidth}}
\usepackage{caption}
\captionsetup{labelformat=empty,labelsep=none} % the captions have their numbers
\captionsetup{font=small,justification=raggedright,singlelinecheck=false}
\AtBeginEnvironment{verbatim}{\fontsize{7}{8.4}\selectfont} % 120 characters fit a line
\setlength{\emergencystretch}{3em}
\usepackage{newunicodechar}
\newunicodechar{α}{\ensuremath{\alpha}}
\newunicodechar{β}{\ensuremath{\beta}}
\newunicodechar{τ}{\ensuremath{\tau}}
"""
LONG_CODE = 16
"""Characters of code inside a line from which on it may be broken."""


def write_zip(document: str, work: Path, figures: Sequence[str], bibliographies: Sequence[Path], target: Path,
              finished: datetime) -> None:  # fmt: skip
    """Write the zip. document: safe, as pandoc's JSON. work: a folder with the SVG files ``figures``.

    Equal reports give equal bytes. Raises ConfigError with the error of pandoc or Typst.
    """
    header = work / "header.tex"
    header.write_text(HEADER, encoding="utf-8")
    source = work / "report.tex"
    write_latex(_for_latex(document), source, [f"--include-in-header={header}"])
    entries = "\n".join(file.read_text(encoding="utf-8") for file in bibliographies if file.is_file())
    contents: dict[str, bytes] = {
        "README.txt": README.encode(),
        "report.tex": source.read_bytes(),
        "references.bib": entries.encode(),
    }
    for name in figures:
        contents[f"figures/{Path(name).stem}.pdf"] = _as_pdf(work, name, int(finished.timestamp()))
    stamp = finished.timetuple()[:6]
    with atomic_path(target) as path, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            info = zipfile.ZipInfo(f"report/{name}", stamp)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def _for_latex(document: str) -> str:
    """The document with figures/NAME.pdf in place of NAME.svg, and with long code that can be broken into lines."""
    content = json.loads(document)
    for image in _elements(content, "Image"):
        image["c"][2][0] = re.sub(r"^(.*)\.svg$", r"figures/\1.pdf", image["c"][2][0])
    for code in list(_elements(content, "Code")):
        if len(code["c"][1]) >= LONG_CODE:
            code.update(t="RawInline", c=["latex", _breakable(code["c"][1])])
    return json.dumps(content)


def _elements(value: Any, kind: str) -> Iterator[dict[str, Any]]:
    """All elements of one kind in pandoc's JSON."""
    if isinstance(value, list):
        for part in value:
            yield from _elements(part, kind)
    elif isinstance(value, dict):
        if value.get("t") == kind:
            yield value
        for part in value.values():
            yield from _elements(part, kind)


def _breakable(code: str) -> str:
    """Code as LaTeX that may be broken after a sign, and inside of words of many characters such as checksums."""
    parts = re.findall(r"[^\W_]{1,8}|\W|_", code)
    return r"\texttt{" + r"\allowbreak{}".join(map(latex_escape, parts)) + "}"


def _as_pdf(work: Path, name: str, timestamp: int) -> bytes:
    """An SVG figure as a PDF of its own size, with its fonts."""
    source, target = work / f"{name}.typ", work / f"{name}.pdf"
    source.write_text(
        f"#set page(width: auto, height: auto, margin: 0pt)\n#image({json.dumps(name)})\n", encoding="utf-8"
    )
    compile_typst(source, target, timestamp)
    return target.read_bytes()
