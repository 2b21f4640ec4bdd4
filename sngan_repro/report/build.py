"""The report: one Markdown template filled from result files, then pandoc to HTML, and pandoc with Typst to PDF."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sngan_repro.analysis import naming, ranks, stats
from sngan_repro.analysis.claims import judge
from sngan_repro.analysis.claims.judge import read_claims
from sngan_repro.analysis.claims.ledger import load_ledger
from sngan_repro.analysis.figures.style import WIDTH
from sngan_repro.analysis.outputs import FigurePlan, figure_plans
from sngan_repro.analysis.published import protocol_differences
from sngan_repro.analysis.summary import read_comparisons, read_results, read_summary
from sngan_repro.analysis.tables import artefacts
from sngan_repro.analysis.tables.printed import PrintedTable, markdown_escape
from sngan_repro.analysis.tables.published import published_table
from sngan_repro.analysis.tables.tables import printed_tables
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core import plugins
from sngan_repro.core import text as text_words
from sngan_repro.core.files import atomic_path
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.text import enumeration
from sngan_repro.report import description, findings
from sngan_repro.report import published as published_words
from sngan_repro.report.captions import figure_caption
from sngan_repro.study.layout import Layout
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study

# Wide tables as pipe tables keep their natural widths only when no line is longer than `columns`.
PANDOC_FORMAT = "markdown+table_attributes"
PANDOC_OPTIONS = ["--standalone", "--citeproc", "--columns=100000"]


PARTS = ("artefacts", "claims", "published")
"""Sections in files of their own, which report.md.j2 includes where a study has something for them."""
TEMPLATES = ("report.md.j2", *(f"{part}.md.j2" for part in PARTS), "references.bib", "style.css", "template.typ")


class Numbering:
    """Numbers of figures and tables in the order in which they appear, known before they do.

    The template is rendered twice: the first pass counts, the second one resolves references to later figures.
    """

    def __init__(self, known: dict[tuple[str, str], int] | None = None) -> None:
        self.known = known
        self.seen: dict[tuple[str, str], int] = {}

    def define(self, kind: str, key: str) -> int:
        """The number of a new figure or table. A key used twice raises ConfigError."""
        if (kind, key) in self.seen:
            raise ConfigError(f"report template: the {kind} '{key}' appears twice")
        number = sum(other == kind for other, _ in self.seen) + 1
        self.seen[kind, key] = number
        return number

    def ref(self, kind: str, key: str) -> str:
        """A link such as ``[Figure 3](#figure-3)``. ConfigError when no such figure is defined anywhere."""
        if self.known is None:
            return ""
        if (kind, key) not in self.known:
            raise ConfigError(f"report template: reference to the {kind} '{key}', which does not appear")
        number = self.known[kind, key]
        return f"[{kind.capitalize()} {number}](#{kind}-{number})"


def build_report(study: Study, layout: Layout, template_dir: Path = Path("report")) -> None:
    """Write report.html (one self-contained file) and report.pdf of a study whose tables and figures exist.

    template_dir holds the templates *.md.j2, references.bib, style.css and template.typ. The same result
    files give the same text. Raises ConfigError naming a missing file, an undefined reference, or what pandoc or Typst
    object to.
    """
    for name in TEMPLATES:
        if not (template_dir / name).is_file():
            raise ConfigError(f"{template_dir / name}: no such file; the report needs it")
    text, finished = render(study, layout, template_dir)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for plan in figure_plans(study):
            shutil.copy(plan.file(layout, "svg"), work / f"{plan.name}.svg")
        _to_html(text, work, template_dir.resolve(), layout.report_html)
        _to_pdf(text, work, template_dir.resolve(), layout.report_pdf, finished)


def render(study: Study, layout: Layout, template_dir: Path) -> tuple[str, datetime]:
    """(the report in pandoc's Markdown, when the last run finished)."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_dir),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = markdown_escape
    environment.filters["first_upper"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["aligned"] = description.aligned
    facts = {**gather(study, layout), "citation_keys": citation_keys(bibliographies(template_dir))}
    counting = Numbering()
    try:
        template = environment.get_template("report.md.j2")
        template.render(**facts, **_placing(study, layout, counting))
        text = template.render(**facts, **_placing(study, layout, Numbering(counting.seen)))
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        place = f"{template_dir / 'report.md.j2'}" + (f", line {line}" if line else "")
        raise ConfigError(f"{place}: {error}") from None
    return text, facts["finished"]


def bibliographies(template_dir: Path) -> list[Path]:
    """The files whose entries may be cited: the report's own, and those beside plugins."""
    return [template_dir / "references.bib", *plugins.bibliographies()]


def citation_keys(files: list[Path]) -> set[str]:
    """The keys of all entries of BibTeX files, of those that exist."""
    texts = [file.read_text(encoding="utf-8") for file in files if file.is_file()]
    return {key for text in texts for key in re.findall(r"^\s*@\w+\{\s*([^,\s]+)", text, re.MULTILINE)}


def gather(study: Study, layout: Layout) -> dict[str, Any]:
    """Everything the template may use."""
    results, summary, comparisons = read_results(layout), read_summary(layout), read_comparisons(layout)
    found, evaluators = description.datasets(study, layout), description.evaluators(study, layout)
    return {
        "study": study,
        "own_setting": OWN_SETTING,
        "results": results,
        "summary": summary,
        "comparisons": comparisons,
        "datasets": found,
        "evaluators": evaluators,
        "printed": printed_tables(study, results, summary),
        "finished": datetime.fromisoformat(max(results.runs["finished"], key=datetime.fromisoformat)),
        "started": datetime.fromisoformat(min(results.runs["started"], key=datetime.fromisoformat)),
        "protocol_of": lambda name: naming.protocol_of(study, name),
        "findings": findings,
        "artefacts": artefacts,
        "description": description,
        "naming": naming,
        "words": text_words,
        "stats": stats,
        "claims": read_claims(study, layout),
        "ledger": load_ledger(study.claims) if study.claims else None,
        "judge": judge,
        "ranks": ranks,
        **(_beside(study, study.published, summary) if study.published else {}),
    }


def _beside(study: Study, reference: Reference, summary: pd.DataFrame) -> dict[str, Any]:
    """What the section on published values may use besides; the differences stand in a list, not in each caption."""
    tables = {dataset: published_table(study, reference, summary, dataset, listed=False) for dataset in study.datasets}
    return {
        "reference": reference,
        "published": published_words,
        "differences": protocol_differences(study, reference),
        "published_tables": {dataset: [table] if table else [] for dataset, table in tables.items()},
    }


def svg_width(path: Path) -> float:
    """The width of an SVG figure in inches. ConfigError when it is missing or says none."""
    try:
        head = path.read_text(encoding="utf-8")[:2000]
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; make_figures writes it") from None
    match = re.search(r'<svg[^>]*? width="([0-9.]+)pt"', head)
    if match is None:
        raise ConfigError(f"{path}: not an SVG figure of this package; run the workflow again")
    return float(match[1]) / 72


def _placing(study: Study, layout: Layout, numbering: Numbering) -> dict[str, Callable[..., Any]]:
    """The template's functions that place and cite figures and tables."""

    def figure(plan: FigurePlan) -> str:
        number = numbering.define("figure", plan.name)
        share = min(1.0, svg_width(plan.file(layout, "svg")) / WIDTH)
        caption = f"**Figure {number}.** {figure_caption(study, plan)}"
        return f"![{caption}]({plan.name}.svg){{#figure-{number} width={share:.0%}}}\n"

    def table(content: PrintedTable) -> str:
        number = numbering.define("table", content.key)
        caption = f"[**Table {number}.** {markdown_escape(content.caption)}]{{.caption}}"
        classes = ".table .prose" if content.prose else ".table"
        return f"::: {{{classes}}}\n{content.markdown_body()}\n: {caption} {{#table-{number}}}\n:::\n"

    def refs(kind: str, items: list[Any]) -> str:
        keys = [item.name if isinstance(item, FigurePlan) else item.key for item in items]
        return enumeration(numbering.ref(kind, key) for key in keys)

    def figs(kind: str, dataset: str | None = None, topic: str | None = None) -> list[FigurePlan]:
        return [
            plan
            for plan in figure_plans(study)
            if plan.kind == kind and dataset in (None, plan.dataset) and topic in (None, plan.topic)
        ]

    return {"figure": figure, "table": table, "refs": refs, "figs": figs}


def _to_html(text: str, work: Path, templates: Path, target: Path) -> None:
    with atomic_path(target) as path:
        _pandoc(
            text,
            "html5",
            path,
            templates,
            [
                "--embed-resources",
                "--mathml",
                "--toc",
                "--toc-depth=2",
                f"--resource-path={work}",
                f"--css={templates / 'style.css'}",
            ],
        )


def _to_pdf(text: str, work: Path, templates: Path, target: Path, finished: datetime) -> None:
    import matplotlib
    import typst

    source = work / "report.typ"
    _pandoc(text, "typst", source, templates, [f"--template={templates / 'template.typ'}"])
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # DejaVu Sans, for the text of the figures
    with atomic_path(target) as path:
        try:
            typst.compile(
                str(source),
                output=str(path),
                root=str(work),
                font_paths=[str(fonts)],
                ignore_system_fonts=True,
                timestamp=int(finished.timestamp()),
            )
        except typst.TypstError as error:
            raise ConfigError(f"{target}: Typst: {error.message}\n{error.diagnostic}") from None


def _pandoc(text: str, to: str, target: Path, templates: Path, options: list[str]) -> None:
    import pypandoc

    bibliography = [f"--bibliography={file}" for file in bibliographies(templates)]
    try:
        pypandoc.convert_text(
            text,
            to,
            format=PANDOC_FORMAT,
            outputfile=str(target),
            extra_args=[*PANDOC_OPTIONS, *bibliography, *options],
        )
    except RuntimeError as error:
        raise ConfigError(f"{target.name}: {error}") from None
