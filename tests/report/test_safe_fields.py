"""Texts from all fields that reach the report: nothing in them runs, loads or leads to another place than the web."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from beside import beside, value
from page import Page
from studies import templates, text_of, with_tables
from synthetic import Case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.core import plugins
from sngan_repro.core.files import read_json, write_json
from sngan_repro.extend.new_method import filled
from sngan_repro.report.pandoc import read_markdown, typeset
from sngan_repro.report.safe import HEAD
from sngan_repro.study.reference import FOLDER

pytestmark = pytest.mark.slow


def evil(field: str) -> str:
    """A text with the name of its field that tries each way into a page."""
    return (
        f"{field} <script>alert(1)</script> <img src=x onerror=alert(1)> <iframe src='https://a.example'></iframe> "
        f"[a](javascript:alert(1)) [b](file:///etc/passwd) ![c](https://a.example/x.png) ![d](/etc/passwd) "
        '[e]{onclick="x"} `<b onclick=x>`{=html} "> <svg onload=alert(1)>'
    )


def own_method(folder: Path) -> None:
    """A method whose texts are evil, from a file of the user."""
    code = filled("your_method.py", "mine")
    lines = [
        f"    {name} = {evil(f'method-{name}')!r}" if (name := line.strip().split(" = ")[0]) in FIELDS else line
        for line in code.splitlines()
    ]
    (folder / "mine.py").write_text("\n".join(lines) + "\n")
    plugins.load(folder / "mine.py")


FIELDS = ("summary", "source")  # a title has letters, digits and a few marks only


def own_values(folder: Path) -> str:
    """Published values whose texts are evil."""
    values = yaml.safe_load((FOLDER / "southampton.yaml").read_text(encoding="utf-8"))
    values |= {"label": evil("values-label"), "title": evil("values-title"), "citation": evil("values-citation")}
    values["authors"] = [evil("values-authors")]
    for name, aspect in values["protocol"].items():
        aspect["stated"] = evil(f"values-{name}")
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return str(path)


def change(path: Path, **values: Any) -> None:
    write_json(path, {**read_json(path), **values})


@pytest.fixture
def case(own_plugins, tmp_path: Path) -> Case:
    own_method(tmp_path)
    study = beside(
        title=evil("study-title"),
        description=evil("study-description"),
        methods=["sngan", "wgan_gp", "bn", "mine"],
        reference=own_values(tmp_path),
    )
    levels = {"mine": "SNGAN"}
    made = with_tables(
        tmp_path / "case",
        study,
        value=lambda metric, spec, steps: value(
            metric, spec.model_copy(update={"label": levels.get(spec.label, spec.label)}), steps
        ),
        diverged={study.runs()[0].id: 100},
    )
    dataset = made.layout.dataset(next(iter(study.datasets.values()))) / "dataset.json"
    change(
        dataset,
        source_title=evil("data-title"),
        split=evil("data-split"),
        classes=[evil("data-classes")] * 10,
        origin={"url": [evil("data-url")], "how": evil("data-how"), "files": {evil("data-file"): "0" * 64}},
        preparation=evil("data-preparation"),
    )
    for run in study.runs():
        status = made.layout.run(run.id).status
        device = {"type": "cpu", "name": evil("device-name"), "threads": 1}
        change(status, device=device, versions={evil("versions"): evil("version")}, git_revision=evil("revision"))
    change(made.layout.run(study.runs()[0].id).status, reason=evil("reason"))
    aggregate(study, made.layout)
    make_tables(study, made.layout)
    return made


def test_no_field_reaches_the_browser_as_more_than_text(case: Case, tmp_path: Path):
    text = text_of(case)
    (tmp_path / "head.html").write_text(HEAD)
    target = tmp_path / "page.html"
    options = ["--embed-resources", "--mathml", "--toc", f"--include-in-header={tmp_path / 'head.html'}"]
    typeset(read_markdown(text, []), "html5", target, templates().bibliographies(), options)
    html = target.read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    assert page.found == []
    assert all(link.startswith(("#", "https://")) and "a.example" not in link for link in page.links), page.links
    shown = ["study-title", "study-description", "values-label", "values-title", "method-summary"]
    shown += ["data-title", "data-split", "device-name", "versions", "revision", "reason"]
    assert [field for field in shown if field not in html.lower()] == []
