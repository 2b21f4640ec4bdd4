"""What MkDocs does besides: text from the code, mathematics as MathML, files of the repository outside docs/."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import generate
import pypandoc
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
FORMULA = re.compile(r'<(span|div) class="arithmatex">(?:\\\(|\\\[)(.*?)(?:\\\)|\\\])</\1>', re.DOTALL)
OUTSIDE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#\s]+)(#[^)]*)?\)")
CITE = re.compile(r"<!-- cite: (\w+) -->")
ADOPTED = {"CHANGELOG.md": "changelog.md", "results/README.md": "results.md"}
"""Pages of the site that lie elsewhere in the repository, where people look for them."""


def on_files(files: Any, config: Any) -> Any:
    for source, page in ADOPTED.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    return CITE.sub(lambda match: reference(match[1]), OUTSIDE.sub(_inside, generate.fill(markdown)))


def _inside(match: re.Match[str]) -> str:
    """A link out of docs/ leads to the adopted page; to other files there is no link on the site, but their path."""
    text, target = match[1], match[2].replace("../", "")
    if not (ROOT / target).exists():
        raise PluginError(f"a link leads to {target}, which does not exist")
    if target in ADOPTED:
        return f"[{text}]({ADOPTED[target]})"
    return f"`{target}`" if text.strip("`") == target else f"{text} (`{target}`)"


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Formulas as MathML, which browsers set without a script, by the converter that sets those of the report."""
    formulas = [(match[1], _unescaped(match[2])) for match in FORMULA.finditer(html)]
    converted = iter(to_mathml(formulas))
    return FORMULA.sub(lambda _: next(converted), html)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def to_mathml(formulas: list[tuple[str, str]]) -> list[str]:
    """(``span`` or ``div``, LaTeX) -> MathML, all in one call of pandoc. A formula it cannot read is an error."""
    if not formulas:
        return []
    text = "\n\n".join(f"${latex}$" if kind == "span" else f"$${latex}$$" for kind, latex in formulas)
    html = pypandoc.convert_text(text, "html5", format="markdown", extra_args=["--mathml"])
    found = re.findall(r"<math.*?</math>", html, re.DOTALL)
    if len(found) != len(formulas) or 'class="math' in html:
        raise PluginError(f"{len(formulas)} formulas, but pandoc made {len(found)}: {text}")
    return found


_references: dict[str, str] = {}


def reference(key: str) -> str:
    """An entry of report/references.bib, as the report prints it."""
    if not _references:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "references.html"
            pypandoc.convert_text(
                "---\nnocite: '@*'\n---\n",
                "html5",
                format="markdown",
                outputfile=str(target),
                extra_args=["--citeproc", f"--bibliography={ROOT / 'report/references.bib'}", "--wrap=none"],
            )
            html = target.read_text(encoding="utf-8")
        for name, entry in re.findall(r'<div id="ref-(\w+)"[^>]*>\s*(.*?)\s*</div>', html, re.DOTALL):
            _references[name] = entry
    if key not in _references:
        raise PluginError(f"report/references.bib has no entry {key}")
    return _references[key]
