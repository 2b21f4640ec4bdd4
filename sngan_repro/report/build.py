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
from sngan_repro.analysis.networks import network_tables, read_networks
from sngan_repro.analysis.outputs import figure_plans
from sngan_repro.analysis.published import protocol_differences
from sngan_repro.analysis.summary import read_comparisons, read_results, read_summary
from sngan_repro.analysis.tables.published import published_table
from sngan_repro.analysis.tables.tables import printed_tables
from sngan_repro.analysis.times import most_at_once
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.files import atomic_path
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.sealed import check_recorded
from sngan_repro.report import description, findings, published, tables
from sngan_repro.report import summary as summary_words
from sngan_repro.report.latex import write_zip
from sngan_repro.report.pandoc import compile_typst, read_markdown, safe_prose, typeset
from sngan_repro.report.placing import Numbering, placing
from sngan_repro.report.safe import HEAD
from sngan_repro.report.skeleton import template_folder
from sngan_repro.report.study_file import command, file_text, read_notes, shown
from sngan_repro.report.templates import Templates
from sngan_repro.study.layout import Layout
from sngan_repro.study.reference import Reference
from sngan_repro.study.study import Study


def build_report(
    study: Study, layout: Layout, template_dir: Path | None = None, study_file: Path | None = None
) -> None:
    """Write report.html (one self-contained file), report.pdf and report_latex.zip of a study.

    Its tables and figures exist already. template_dir holds :data:`sngan_repro.report.templates.FILES`. study_file: the
    report prints it, and notes of the user are beside it. Equal result files and notes give equal reports. Raises
    ConfigError that names a missing file, an undefined reference, or the error of pandoc or Typst.
    """
    templates = Templates((template_dir or template_folder()).resolve())
    for plan in figure_plans(study):
        file = plan.file(layout, "svg")
        if not file.is_file():
            raise ConfigError(f"{file}: no such file; run the workflow again: make_figures writes it")
        check_recorded(file, "delete it and run the workflow again: make_figures writes it")
    text, finished = render(study, layout, templates, study_file)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for plan in figure_plans(study):
            shutil.copy(plan.file(layout, "svg"), work / f"{plan.name}.svg")
        figures = [f"{plan.name}.svg" for plan in figure_plans(study)]
        document = read_markdown(text, figures)
        _to_html(document, work, templates, layout.report_html)
        _to_pdf(document, work, templates, layout.report_pdf, finished)
        write_zip(document, work, figures, templates.bibliographies(), layout.report_latex, finished)


def render(study: Study, layout: Layout, templates: Templates, study_file: Path | None = None) -> tuple[str, datetime]:
    """(the report in pandoc's Markdown, when the last run finished)."""
    known = templates.citation_keys()
    facts = {**gather(study, layout), "citation_keys": known, "notes": read_notes(study, study_file, known)}
    facts |= {
        "study_file_name": shown(study_file) if study_file else "",
        "study_text": file_text(study_file),
        "command": command(study, study_file),
    }
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
    networks = read_networks(layout)
    return {
        "study": study,
        "introduction": safe_prose(study.description),
        "own_setting": OWN_SETTING,
        "results": results,
        "summary": summary,
        "comparisons": comparisons,
        "datasets": found,
        "evaluators": evaluators,
        "printed": printed_tables(study, results, summary, layout),
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
        "summary_of": summary_words,
        "networks": networks,
        "network_tables": {name: network_tables(networks, name, len(study.trained_labels)) for name in study.datasets},
        "load": {"most": most_at_once(results.runs)},
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


def _to_html(document: str, work: Path, templates: Templates, target: Path) -> None:
    head = work / "head.html"
    head.write_text(HEAD, encoding="utf-8")
    with atomic_path(target) as path:
        options = ["--embed-resources", "--mathml", "--toc", "--toc-depth=2", "--number-sections"]
        options.append(f"--resource-path={work}")
        options += [f"--css={templates.folder / 'style.css'}", f"--include-in-header={head}"]
        typeset(document, "html5", path, templates.bibliographies(), options)


def _to_pdf(document: str, work: Path, templates: Templates, target: Path, finished: datetime) -> None:
    source = work / "report.typ"
    typeset(document, "typst", source, templates.bibliographies(), [f"--template={templates.folder / 'template.typ'}"])
    with atomic_path(target) as path:
        compile_typst(source, path, int(finished.timestamp()))
