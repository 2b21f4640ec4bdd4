"""The folders of the package, its imports, and the tests that mirror it. docs/layout.md describes them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sngan_repro"
LONGEST_FILE = 250
NOT_OF_A_FOLDER = {"docs", "end_to_end", "helpers", "project"}
"""Folders of tests/ that test no single folder of the package."""


@cache
def imports() -> dict[str, set[str]]:
    """Module -> the modules of the package that it imports. Imports inside functions and for types alone count."""
    graph = grimp.build_graph("sngan_repro", cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def folders(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir() if entry.is_dir() and any(entry.rglob("*.py"))}


def layers() -> list[str]:
    """The folders of the package as the contract of import-linter orders them, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers"]
    return contract["layers"]


def test_the_package_has_folders_and_two_files():
    assert {file.name for file in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}
    assert folders(PACKAGE) == set(layers())


def test_no_file_is_long():
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    too_long = {str(file.relative_to(ROOT)): length for file, length in lengths.items() if length > LONGEST_FILE}
    assert too_long == {}


def test_no_import_runs_upwards():
    """The contract of `make lint`, without its command: a folder imports only from folders below it."""
    heights = {folder: height for height, folder in enumerate(reversed(layers()))}

    def height(module: str) -> int:
        return heights.get(module.split(".")[1], len(heights))  # __main__ is above all

    inner = {module: found for module, found in imports().items() if "." in module}
    assert len(inner) > 100
    upward = [(a, b) for a, found in inner.items() for b in found if "." in b and height(b) > height(a)]
    assert upward == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports, each imported by the next one; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_imports_go_in_a_circle():
    assert circle(imports()) == []


def test_a_circle_would_be_found():
    found = circle({**imports(), "sngan_repro.core.files": {"sngan_repro.cli.main"}})
    assert {"sngan_repro.core.files", "sngan_repro.cli.main"} <= set(found)


def test_tests_mirror_the_package():
    """Every folder of the package has tests under its name, and no tests are of a folder that is gone."""
    tests = folders(ROOT / "tests") - NOT_OF_A_FOLDER
    assert tests <= folders(PACKAGE)
    assert folders(PACKAGE) - tests <= {"config"}  # tested with the study files of tests/study
    for folder in tests:
        assert folders(ROOT / "tests" / folder) <= folders(PACKAGE / folder), folder


def imported_by_the_workflow() -> set[str]:
    """The modules of the package that the Snakefile and its rules import."""
    found = set()
    for file in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]:
        found |= set(re.findall(r"^\s*(?:from|import) (sngan_repro[\w.]*)", file.read_text(), re.MULTILINE))
    return found


def test_the_snakefile_imports_one_module():
    assert imported_by_the_workflow() == {"sngan_repro.workflow.plan"}


def test_importing_what_the_snakefile_imports_is_light():
    """On a cluster every job reads the Snakefile again, so a second of imports is paid at each job."""
    code = (
        "import sys; from sngan_repro.workflow.plan import Plan; Plan({'study': 'quick'}).study.runs(); "
        "heavy = {'torch', 'torchvision', 'pandas', 'matplotlib', 'sklearn', 'scipy', 'numpy'} & set(sys.modules); "
        "sys.exit(' '.join(heavy) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def private_names(tree: ast.AST) -> list[str]:
    """Private attributes that code reaches in objects and modules; dunders and `self._x` of a test's own class pass."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"_[a-z]\w*", node.attr):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if owner != "self":
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sngan_repro"):
            found += [f"line {node.lineno}: {name.name}" for name in node.names if re.match(r"_[a-z]", name.name)]
    return found


def test_tests_reach_nothing_private():
    assert private_names(ast.parse("trainer._step(self._x)")) == ["line 1: trainer._step"]
    reached = {}
    for file in (ROOT / "tests").rglob("*.py"):
        if found := private_names(ast.parse(file.read_text(encoding="utf-8"))):
            reached[str(file.relative_to(ROOT))] = found
    assert reached == {}
