"""Whole studies by Snakemake. All tests below this folder have the mark ``workflow``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from workplace import LOST, ROOT, Workplace, write_program, write_program_of_the_page

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests; those of the finished study run in one worker, one after another, since they edit its files."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.workflow)
            if "finished" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group("the finished study"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A study with all kinds of methods, from nothing to the report, by one command. Its folder has an awkward name.

    Two methods of the package, one that diverges, one under two labels, a user's own method that ``new-method``
    wrote, and programs. A test that edits a file puts it back.
    """
    folder = tmp_path_factory.mktemp("finished") / "it's a study"
    folder.mkdir()
    written = subprocess.run(
        [sys.executable, "-m", "sngan_repro", "new-method", "mine", "--dir", "own"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "wrote own/mine.py" in written
    file = folder / "own/mine.py"
    file.write_text(file.read_text().replace('source = "mao2017"', 'source = "mao2017, nobody2031"'))
    mover = write_program_of_the_page(folder)
    standard = {"name": "sngan", "label": "SNGAN-standard", "loss": "standard"}
    methods = [
        "sngan",
        "began",
        {"name": "wgan_gp", "setting": {"lr": 1e18}},
        {**standard, "setting": {"n_dis": 2}, "nets": {"width": 8}},
        "mine",
        {"name": "mine", "label": "Mine-0.9", "target": 0.9},
        mover,
        {"name": mover, "label": "Mover-4", "pixels": 4},
        write_program(folder, "Lost", LOST, snapshots="study"),
    ]
    workplace = Workplace(folder, {"methods": methods}, plugins=f'["{folder / "own"}"]')
    workplace.run()
    return workplace


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
