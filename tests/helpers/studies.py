"""Invented studies: one per session to read, and a fresh copy of it for tests that break something."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from sharing import made_once
from synthetic import DIVERGED, Case, case_in, make_case, make_study

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures import make_figures
from sngan_repro.analysis.outputs import figure_plans
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.report.build import render
from sngan_repro.report.templates import Templates


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Case:
    """Read only. Three methods x two settings x two seeds with three divergences; tables made, no figures."""

    def make(folder: Path) -> None:
        case = make_case(folder, make_study(), diverged=DIVERGED)
        aggregate(case.study, case.layout)
        make_tables(case.study, case.layout)

    return case_in(made_once(tmp_path_factory, "finished", make))


@pytest.fixture(scope="session")
def drawn(finished, tmp_path_factory) -> Case:
    """Read only. The same study with its figures."""

    def make(folder: Path) -> None:
        case = finished.copy(folder)
        make_figures(case.study, case.layout)

    return case_in(made_once(tmp_path_factory, "drawn", make))


@pytest.fixture(scope="session")
def written(finished, tmp_path_factory) -> Case:
    """Read only. The same study with empty files of figures: enough for the text of the report."""
    case = finished.copy(tmp_path_factory.mktemp("written"))
    write_empty_figures(case)
    return case


@pytest.fixture
def broken(finished, tmp_path) -> Case:
    """A copy to damage."""
    return finished.copy(tmp_path)


TEMPLATES = Path(__file__).parents[2] / "report"


@cache
def templates() -> Templates:
    """The report's templates, compiled once in a process."""
    return Templates(TEMPLATES)


def text_of(case: Case, study_file: Path | None = None) -> str:
    """The report of a case, in Markdown."""
    return render(case.study, case.layout, templates(), study_file)[0]


def say(macro: str, *values: object) -> str:
    """A sentence of the report."""
    return templates().say(macro, *values)


def with_tables(root, study, **options):
    """A case with tables, and empty SVG files where figures would be: enough to render the text."""
    case = make_case(root, study, **options)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    write_empty_figures(case)
    return case


def write_empty_figures(case: Case) -> None:
    """An empty SVG file for each figure of a study."""
    case.layout.figures.mkdir()
    for plan in figure_plans(case.study):
        plan.file(case.layout, "svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="226.8pt"/>')
