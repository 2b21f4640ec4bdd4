"""The report: one Markdown template filled from result files, then pandoc to HTML, and pandoc with Typst to PDF."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from sngan_repro.analysis import naming, stats
from sngan_repro.analysis.claims import judge
from sngan_repro.analysis.claims.judge import read_claims
from sngan_repro.analysis.claims.ledger import load_ledger
from sngan_repro.analysis.outputs import figure_plans
from sngan_repro.analysis.published import protocol_differences
from sngan_repro.analysis.summary import read_comparisons, read_results, read_summary
from sngan_repro.analysis.tables.published import published_table
from sngan_repro.analysis.tables.tables import printed_tables
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.files import atomic_path
from sngan_repro.core.schema import ConfigError
from sngan_repro.report import description, findings, published, tables
from sngan_repro.report.placing import Numbering, placing
from sngan_repro.report.templates import Templates
from sngan_repro.study.layout import Layout
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study

# Wide tables as pipe tables keep their natural widths only when no line is longer than `columns`.
PANDOC_FORMAT = "markdown+table_attributes"
PANDOC_OPTIONS = ["--standalone", "--citeproc", "--columns=100000"]


def build_report(study: Study, layout: Layout, template_dir: Path = Path("report")) -> None:
    """Write report.html (one self-contained file) and report.pdf of a study whose tables and figures exist.

    template_dir holds :data:`sngan_repro.report.templates.FILES`. Equal result files give equal reports. Raises
    ConfigError that names a missing file, an undefined reference, or the error of pandoc or Typst.
    """
    templates = Templates(template_dir.resolve())
    text, finished = render(study, layout, templates)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for plan in figure_plans(study):
            shutil.copy(plan.file(layout, "svg"), work / f"{plan.name}.svg")
        _to_html(text, work, templates, layout.report_html)
        _to_pdf(text, work, templates, layout.report_pdf, finished)


def render(study: Study, layout: Layout, templates: Templates) -> tuple[str, datetime]:
    """(the report in pandoc's Markdown, when the last run finished)."""
    facts = {**gather(study, layout), "citation_keys": templates.citation_keys()}
    counting = Numbering()
    try:
        template = templates.environment.get_template("report.md.j2")
        template.render(**facts, **placing(study, layout, templates, counting))
        text = template.render(**facts, **placing(study, layout, templates, Numbering(counting.seen)))
    except jinja2.TemplateError as error:
        place = getattr(error, "filename", None) or str(templates.folder / "report.md.j2")
        line = getattr(error, "lineno", None)
        raise ConfigError(f"{place}{f', line {line}' if line else ''}: {error}") from None
    return text, facts["finished"]


def gather(study: Study, layout: Layout) -> dict[str, Any]:
    """The data that the templates may use, in addition to the functions of :mod:`sngan_repro.report.placing`."""
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
        "description": description,
        "tables_of": tables,
        "stats": stats,
        "claims": read_claims(study, layout),
        "ledger": load_ledger(study.claims) if study.claims else None,
        "judge": judge,
        **(_published_data(study, study.published, summary) if study.published else {}),
    }


def _published_data(study: Study, reference: Reference, summary: pd.DataFrame) -> dict[str, Any]:
    """The data of the section on published values. The differences are in a list there, not in each caption."""
    found = {dataset: published_table(study, reference, summary, dataset, listed=False) for dataset in study.datasets}
    return {
        "reference": reference,
        "published": published,
        "differences": protocol_differences(study, reference),
        "published_tables": {dataset: [table] if table else [] for dataset, table in found.items()},
    }


def _to_html(text: str, work: Path, templates: Templates, target: Path) -> None:
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
                f"--css={templates.folder / 'style.css'}",
            ],
        )


def _to_pdf(text: str, work: Path, templates: Templates, target: Path, finished: datetime) -> None:
    import matplotlib
    import typst

    source = work / "report.typ"
    _pandoc(text, "typst", source, templates, [f"--template={templates.folder / 'template.typ'}"])
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


def _pandoc(text: str, to: str, target: Path, templates: Templates, options: list[str]) -> None:
    import pypandoc

    bibliography = [f"--bibliography={file}" for file in templates.bibliographies()]
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
