"""Every Python and YAML snippet of README and docs, and what those of docs/extend.md and docs/claims.md promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from docs_support import LANGUAGES, PAGES, ROOT, fenced, snippets

from sngan_repro.claims.cells import Cell
from sngan_repro.claims.criteria import CRITERIA
from sngan_repro.claims.ledger import load_ledger
from sngan_repro.config import ConfigError, DuplicateKeyLoader, MachineConfig, parse
from sngan_repro.data.dataset import PreparedData
from sngan_repro.data.prepare import prepare
from sngan_repro.data.sources import SOURCES
from sngan_repro.evaluate.features import extract
from sngan_repro.methods import METHODS
from sngan_repro.programs.declare import find_program
from sngan_repro.reference import load_reference
from sngan_repro.specs import DatasetSpec, NetsSpec
from sngan_repro.study import Study, load_study

REST_OF_A_STUDY: dict[str, Any] = {
    "title": "What a snippet leaves out",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan"],
    "settings": {"A": {"lr": 0.001}},
    "seeds": [0],
    "budget": {"steps": 10},
    "scores": [{"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 600}],
}


RUN_ELSEWHERE = {
    "library.md": "tests/test_library.py",  # on a study that was run
    "add-a-program.md": "tests/workflow/test_programs.py",  # a program and its declaration, by Snakemake
}
"""Pages whose Python is run by another test."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Snippets run in a folder of their own, and what they register is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    registries = (METHODS, SOURCES, CRITERIA)
    before = [(registry.names(), dict(registry._entries)) for registry in registries]
    yield
    for registry, (_, entries) in zip(registries, before, strict=True):
        registry._entries.clear()
        registry._entries.update(entries)


def run_python(page: Path) -> dict[str, Any]:
    """All Python of a page, in order, in one namespace."""
    namespace: dict[str, Any] = {"__name__": f"docs_{page.stem.replace('-', '_')}"}
    for code in snippets(page, "python"):
        exec(compile(code, page.name, "exec"), namespace)
    return namespace


def check_yaml(text: str) -> None:
    """A whole file, or keys of one: published values, a ledger, a program, a study, or this machine's configuration."""
    values = yaml.load(text, DuplicateKeyLoader)
    file = Path("snippet.yaml")
    if "best_values" in values:
        file.write_text(text)
        load_reference(str(file))
    elif isinstance(values.get("claims"), list):
        file.write_text(text)
        load_ledger(str(file))
    elif "command" in values:
        declared = Path("programs", f"{values['title'].lower()}.yaml")  # where a snippet that follows finds it
        declared.parent.mkdir(exist_ok=True)
        declared.write_text(text)
        if "rules" in values:
            Path(values["rules"].replace("{folder}", "programs")).touch()
        assert find_program(declared.stem) is not None
    elif set(values) <= set(Study.model_fields):
        for dataset in values.get("datasets", {}).values():
            if "path" in dataset:
                Path(dataset["path"]).mkdir()
        file.write_text(yaml.safe_dump(values if "title" in values else {**REST_OF_A_STUDY, **values}))
        load_study(str(file))
    else:
        parse(MachineConfig, values, "snippet")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_of_a_page(page: Path):
    assert {language for language, _ in fenced(page)} <= LANGUAGES
    if page.name in RUN_ELSEWHERE:
        assert f"docs/{page.name}" in (ROOT / RUN_ELSEWHERE[page.name]).read_text(encoding="utf-8")
    else:
        run_python(page)
    for text in snippets(page, "yaml"):
        check_yaml(text)


def test_a_wrong_snippet_is_found():
    with pytest.raises(ConfigError, match="mehtods"):
        check_yaml("mehtods: [sngan]")
    with pytest.raises(ConfigError, match="batchsize"):
        check_yaml("training: {batchsize: 3}")
    with pytest.raises(ConfigError, match="budget: this key is required"):
        check_yaml("title: A whole study\nmethods: [sngan]")


def test_source_of_the_docs_prepares_images(tmp_path: Path):
    run_python(ROOT / "docs/extend.md")
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    np.savez("mine.npz", train=images[:8], test=images[8:], train_labels=np.arange(8) % 2, test_labels=np.arange(4) % 2)
    spec = DatasetSpec(source="npz", path="mine.npz", image_size=16)
    prepare(spec, tmp_path, tmp_path / "prepared")
    data = PreparedData.open(tmp_path / "prepared", verify=True)
    assert (data.num("train"), data.num("test"), data.classes) == (8, 4, ["0", "1"])
    assert np.array_equal(data.images("test"), images[8:])
    with pytest.raises(ConfigError, match="needs `path`"):
        SOURCES.get("npz").check(DatasetSpec(source="npz", image_size=16))


def test_network_of_the_docs_generates():
    build = run_python(ROOT / "docs/extend.md")["build_generator"]
    nets = NetsSpec(width=4, z_dim=8).model_copy(update={"family": "dense"})
    images = build(nets, (3, 20, 20))(torch.randn(5, 8))
    assert images.shape == (5, 3, 20, 20)
    assert images.abs().max() < 1
    assert type(build(NetsSpec(width=4, z_dim=8), (1, 16, 16))).__name__ == "ConvGenerator"


def test_score_and_evaluator_of_the_docs():
    page = run_python(ROOT / "docs/extend.md")
    assert page["spread"](np.array([[0.0, 0.0], [6.0, 8.0]])) == pytest.approx(5)
    images = np.full((3, 16, 16, 1), 255, np.uint8)
    found = extract(page["load_means"](None), images, batch_size=2)
    assert found["features"].shape == (3, 48)
    assert found["features"] == pytest.approx(1)


def test_claim_test_of_the_docs_judges():
    run_python(ROOT / "docs/claims.md")
    gains = {"SNGAN": Cell("SNGAN", {0: 5.0, 1: 5.1, 2: 4.9}), "BN": Cell("BN", {0: 3.0, 1: 3.0, 2: 3.0})}
    evidence = SimpleNamespace(
        metric=lambda kind: f"{kind}6k@classifier", gain=lambda label, setting, name: gains[label], unit=lambda name: ""
    )
    given = {"method": "SNGAN", "other": "BN", "metric": "is", "setting": "A"}
    judge = CRITERIA.get("ahead_by")
    assert judge(evidence, **given, margin=1.0).name == "supported"
    assert judge(evidence, **given, margin=3.0).name == "not supported"
