"""Whole studies by Snakemake, and benchmarks. All tests below this folder have the mark ``workflow``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from workplace import Workplace

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.workflow)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The tiny study's images and evaluator, and no results."""
    workplace = Workplace(tmp_path_factory.mktemp("prepared"))
    workplace.run("--until", "evaluator")
    return workplace


@pytest.fixture
def copied(prepared: Workplace, tmp_path: Path) -> Workplace:
    """A workplace with prepared images and evaluator of its own: for tests that train."""
    shutil.copytree(prepared.folder / "data", tmp_path / "data")
    return Workplace(tmp_path)
