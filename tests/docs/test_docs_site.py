"""The site: it builds without a warning, needs nothing from elsewhere, and says what the code says."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs_support import PAGES, ROOT, load_generate

pytestmark = pytest.mark.slow

generate = load_generate()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """page -> HTML"""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {page.stem: page.read_text(encoding="utf-8") for page in folder.glob("*.html")}


def test_nothing_is_loaded_from_elsewhere(site: dict[str, str]):
    assert {"index", "first-study", "config", "methods", "troubleshooting", "changelog", "results"} <= set(site)
    for name, html in site.items():
        for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", html):
            assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag), f"{name}: {tag}"


def test_everything_generated_is_there(site: dict[str, str]):
    for name, html in site.items():
        assert "generated:" not in html, name
        assert "arithmatex" not in html, name  # mathematics that was left as text
        assert 'href="../' not in html, name  # all pages lie in one folder
    assert site["methods"].count("<math") > 12
    for title in ("SNGAN", "WGAN-GP", "BEGAN", "EBGAN", "BN", "LN"):
        assert f"{title}<a" in site["methods"]
    assert "Miyato, Takeru" in site["methods"]
    assert "<code>checkpoint_seconds</code>" in site["config"]
    assert "<td>173.387</td>" in site["published-numbers"]


def test_types_and_defaults_in_words():
    study = generate.study_keys().replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "| `image_size` | whole number, ≥ 16, ≤ 128, a multiple of 4 | **required** | height and width in pixels |"
        in study
    )
    assert "| `z_law` | `normal` or `uniform` or `uniform01` | `normal` |" in study
    assert "| `ema` | number, > 0, &lt; 1 | – |" in study
    assert "| `datasets` | mapping of names to [keys](#datasets) | **required** | name -> source and size |" in study
    assert "| `metrics` | list of `class_accuracy` or" in study
    assert "`name` | text | **required** | the stem" not in study  # a study is named after its file
    assert "| `download` | true or false | `true` |" in generate.machine_keys()


@pytest.mark.parametrize("part", ["study", "machine", "ledger", "methods", "program", "program_status"])
def test_every_key_says_what_it_means(part: str):
    rows = re.findall(r"^\| `(\w+)` \|.*\| *(.*?) *\|$", generate.PARTS[part](), re.MULTILINE)
    assert len(rows) > 7
    assert [key for key, meaning in rows if not meaning] == []


def texts_of_the_code() -> str:
    """All string literals of the package, f-strings in parts."""
    found = []
    for path in (ROOT / "sngan_repro").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


FROM_ELSEWHERE = {"error:", "Error in rule", "torch.OutOfMemoryError", "LockException", "diverged"}
"""Words of Snakemake, of torch and of a status, which no literal has alone."""


def test_messages_of_troubleshooting_exist():
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    code, checked = texts_of_the_code(), 0
    for message in re.findall(r"^\| (?:the state )?`([^`]+)`", page, re.MULTILINE):
        for part in (part.strip(" '") for part in re.split(r"…|\?|(?=; did you)", message)):
            assert part in code or part in FROM_ELSEWHERE, f"no message has {part!r} ({message})"
            checked += len(part) > 8 and part in code
    assert checked > 40


MADE_BY_THE_READER = {"config/studies/mine.yaml"}


def test_files_and_names_in_the_text_exist():
    sources = [*(ROOT / "sngan_repro").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    files, names = set(), set()
    for page in PAGES:
        for span in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
            if re.fullmatch(r"(sngan_repro|tests|config|report|workflow|slurm|profiles|docs)/[\w./-]+", span):
                files.add(span)
            elif re.fullmatch(r"[A-Z]+_[A-Z_]+", span):
                names.add(span)
    assert len(files) > 20
    assert sorted(file for file in files - MADE_BY_THE_READER if not (ROOT / file).exists()) == []
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", code)) == []


def test_site_and_continuous_integration_build_alike():
    makefile, ci = (ROOT / "Makefile").read_text(), (ROOT / ".ci/run").read_text()
    assert "mkdocs build --strict" in makefile
    assert "make docs" in ci
    assert "/site/" in Path(ROOT / ".gitignore").read_text()
