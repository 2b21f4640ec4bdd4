"""A check before the first job: the texts of a study can be typeset, so that no report fails after days of training.

No torch, numpy or pandas here: the Snakefile calls it when a study starts.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from sngan_repro.core import plugins
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import find_method
from sngan_repro.report.citations import citation_keys
from sngan_repro.report.pandoc import compile_typst, read_markdown, safe_prose, typeset
from sngan_repro.report.safe import cited_keys
from sngan_repro.study.study import Study

FENCE = re.compile(r" {0,3}(`{3,}|~{3,}|:{3,})(.*)")


def template_folder() -> Path:
    """The folder of the templates: ``report`` in the working folder if they are there, else in the clone of this code.

    The working folder is another one with ``snakemake --directory``, and in a workflow that imports this one.
    """
    own = Path("report")
    return own if (own / "template.typ").is_file() else Path(__file__).parents[2] / own


def check_texts(study: Study, templates: Path | None = None) -> None:
    """Typeset a report without results: title, description, the equations of the methods and their symbols.

    templates: the folder of references.bib and template.typ; default: :func:`template_folder`. Raises ConfigError with
    the key to edit.
    """
    templates = templates or template_folder()
    if mark := open_fence(study.description):
        raise ConfigError(f"description: a block begins with {mark} and never ends; close it by a line of {mark}")
    files = [file for file in (templates / "references.bib", *plugins.bibliographies()) if file.is_file()]
    known = citation_keys(files)
    document = read_markdown(_skeleton(study), [])
    if unknown := sorted(cited_keys(json.loads(document)) - known):
        raise ConfigError(
            f"description: no entry of references.bib has the key {', '.join(unknown)}; add it, or write \\@ for an @ "
            "that is no citation"
        )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        typeset(document, "html5", work / "report.html", files, ["--mathml"])
        template = templates / "template.typ"
        options = [f"--template={template.resolve()}"] if template.is_file() else []
        typeset(document, "typst", work / "report.typ", files, options)
        compile_typst(work / "report.typ", work / "report.pdf", 0)


def open_fence(text: str) -> str:
    """The mark of a fenced block that a Markdown text leaves open; empty if there is none."""
    inside, divs = "", 0
    for line in text.splitlines():
        if not (match := FENCE.fullmatch(line.rstrip())):
            continue
        mark, rest = match[1], match[2].strip()
        if inside:
            if mark[0] == inside[0] and len(mark) >= len(inside) and not rest:
                inside = ""
        elif mark[0] == ":":
            divs += 1 if rest else -1
        elif "`" not in rest:
            inside = mark
    return inside or (":::" if divs > 0 else "")


def _skeleton(study: Study) -> str:
    """The texts of a study in the form of the report."""
    title = json.dumps(study.title, ensure_ascii=False)
    parts = [f"---\ntitle: {title}\nreference-section-title: References\n---\n", safe_prose(study.description)]
    for entry, label in study.labelled_entries:
        method, options = find_method(entry.name), study.method_options[label]
        parts += [f"${symbol}$ is {meaning}" for symbol, meaning in method.symbols_for(options).items()]
        latex = method.equations_for(options).replace("\n", " ")
        formulas = [part.strip() for part in latex.split(r", \qquad ") if part.strip()]
        lines = " \\\\\n&".join(formulas)
        parts.append(f"$$\\begin{{aligned}}\n&{lines}\n\\end{{aligned}}$$" if formulas else "")
    return "\n\n".join(parts)
