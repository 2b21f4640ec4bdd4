"""The repository itself: pins that agree, and nothing that belongs to one machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def name_of(requirement: str) -> str:
    return re.split(r"[<>=\[; ]", requirement)[0].lower().replace("_", "-")


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {name_of(line): line for line in lines if line and not line.startswith("#")}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_dependency_is_pinned_exactly():
    extras = [requirement for group in project()["optional-dependencies"].values() for requirement in group]
    for requirement in [*project()["dependencies"], *extras]:
        assert re.fullmatch(r"[\w.-]+==[\w.+]+", pins()[name_of(requirement)]), requirement


def needed(name: str, extras: tuple[str, ...], found: set[str]) -> set[str]:
    """The names of all distributions that an installed one needs on this machine, directly or by others."""
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            key = (name_of(requirement.name), *sorted(requirement.extras))
            if key not in found:
                found.add(key)
                needed(requirement.name, tuple(requirement.extras), found)
    return {name for name, *_ in found}


def test_everything_that_is_installed_is_pinned():
    """What the dependencies need in turn, too: a new version of any of them could change a number."""
    names = needed("sngan-repro", ("dev", "slurm", "docs"), set()) - {"setuptools", "pip", "wheel"}
    assert len(names) > 80
    assert sorted(names - pins().keys()) == []


def test_environment_has_the_same_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (packages,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert {name_of(package) for package in packages} >= {name_of(r) for r in project()["dependencies"]}
    for package in packages:
        assert package == pins()[name_of(package)]


def test_versions_agree():
    from importlib.metadata import version as installed

    import sngan_repro

    version = sngan_repro.__version__
    assert installed("sngan-repro") == version
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_readme_commands_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"make (\w+)", (ROOT / "README.md").read_text()))
    assert {"study", "test"} <= targets
    assert all(f"\n{target}:" in makefile for target in targets)
    ci = (ROOT / ".ci/run").read_text()
    assert "make test" in ci


def test_links_of_the_documentation_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.slow
def test_methods_of_the_documentation(own_plugins, tmp_path: Path):
    """The method of docs/add-a-method.md is the one that `new-method` writes, and both on the page pass the check."""
    from sngan_repro.core import plugins
    from sngan_repro.extend.check_method import check_method
    from sngan_repro.extend.new_method import filled

    written, variant = re.findall(r"```python\n(.*?)```", (ROOT / "docs/add-a-method.md").read_text(), re.DOTALL)
    assert written == filled("your_method.py", "my_gan")
    for name, code in (("my_gan", written), ("sngan_fm", variant)):
        (tmp_path / f"{name}.py").write_text(code)
        plugins.load(tmp_path / f"{name}.py")
        failed = [str(finding) for finding in check_method(name, sizes=[(16, 1)]) if finding.failed]
        assert not failed, "\n".join(failed)


def test_no_file_names_a_machine():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.split():
        path = ROOT / name
        if (
            path.suffix in (".py", ".md", ".yaml", ".yml", ".smk", ".toml", ".txt", ".j2")
            and path.name != "test_project.py"
        ):
            assert not re.search(r"(?<![\w.])/(work|root|home)/\w", path.read_text(encoding="utf-8")), name
