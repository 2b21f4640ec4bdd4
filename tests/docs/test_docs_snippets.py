"""Every Python and YAML snippet of README and docs, and what those of docs/extend.md and docs/claims.md promise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from docs_support import LANGUAGES, PAGES, ROOT, fenced, snippets

from sngan_repro.analysis.claims.cells import Cell
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.ledger import load_ledger
from sngan_repro.analysis.naming import metric_label
from sngan_repro.api.scoring import score_images
from sngan_repro.api.training import run_spec
from sngan_repro.config.machine import MachineConfig
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.specs import DatasetSpec, NetsSpec
from sngan_repro.core import registry
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.core.yaml_files import StrictLoader
from sngan_repro.data.dataset import PreparedData
from sngan_repro.data.prepare import prepare
from sngan_repro.data.sources import SOURCES
from sngan_repro.evaluation.protocol import check_protocol, metric_names
from sngan_repro.evaluation.scores import SCORES, Sets
from sngan_repro.methods.program import find_program
from sngan_repro.nets import ImageSpec, build_discriminator, build_generator, spectral_norms
from sngan_repro.report import description
from sngan_repro.report.findings import comparable
from sngan_repro.report.templates import Templates
from sngan_repro.study.load import load_study, make_study
from sngan_repro.study.reference import load_reference
from sngan_repro.study.study import Study
from sngan_repro.training.trainer import Trainer

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
    "library.md": "tests/api/test_api.py",  # on a study that was run
    "add-a-program.md": "tests/helpers/workplace.py",  # a program and its declaration, by Snakemake
}
"""Pages whose Python is run by another test."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Snippets run in an empty folder, and the entries that they register are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    with registry.isolated():
        yield


def run_python(page: Path) -> dict[str, Any]:
    """All Python of a page, in order, in one namespace."""
    namespace: dict[str, Any] = {"__name__": f"docs_{page.stem.replace('-', '_')}"}
    for code in snippets(page, "python"):
        exec(compile(code, page.name, "exec"), namespace)
    return namespace


def check_yaml(text: str) -> None:
    """A whole file, or keys of one: published values, a ledger, a program, a study, or this machine's configuration."""
    values = yaml.load(text, StrictLoader)
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


def test_network_family_of_the_docs():
    run_python(ROOT / "docs/extend.md")
    torch.manual_seed(0)
    nets = parse(NetsSpec, {"family": "dense", "width": 4, "z_dim": 8}, "nets")
    images = build_generator(nets, ImageSpec(3, 20))(torch.randn(5, 8))
    assert images.shape == (5, 3, 20, 20)
    assert images.abs().max() < 1
    D = build_discriminator(nets, ImageSpec(3, 20), weights="spectral")
    assert D(images).logits.shape == (5,)
    assert list(spectral_norms(D).values()) == pytest.approx([1, 1], abs=0.05)
    spec = run_spec("ebgan", {"source": "digits", "image_size": 16}, {"lr": 0.001}, {"steps": 2}, nets=nets.to_dict())
    with pytest.raises(
        ConfigError,
        match=r"method 'ebgan' of run .*'dense' has no autoencoding discriminator.*families: cnn, dcgan, dense",
    ):
        Trainer(spec, np.zeros((16, 16, 16, 1), np.uint8), torch.device("cpu"))


def test_score_and_evaluator_of_the_docs(tmp_path: Path):
    """A study may name them, and the images of a generator are scored by them, as by those of the package."""
    run_python(ROOT / "docs/extend.md")
    by_hand = {"features": np.array([[0.0, 0.0], [6.0, 8.0]]), "logits": np.zeros((2, 3))}
    protocol = parse(ProtocolSpec, {"evaluator": "fields", "num_fake": 100, "metrics": ["spread", "fid"]}, "scores")
    assert list(metric_names(protocol).values()) == ["spread100@fields", "fid100_train@fields"]
    assert SCORES.get("spread").compute(Sets(by_hand, by_hand, protocol)) == pytest.approx(5)
    study = make_study({**REST_OF_A_STUDY, "name": "mine", "scores": [protocol]})
    assert metric_label(study, "spread100@fields") == "Spread (100 generated, fields)"
    assert "**Spread** is the mean distance" in " ".join(description.score_texts(study))
    say = Templates(ROOT / "report").say
    assert say("computed_by", *description.computed_by(study)).endswith("The spread is computed by this package.")
    assert "rest on means over fields of the image" in say("comparable", comparable(study)[0])

    images = np.random.default_rng(0).integers(0, 256, (100, 16, 16, 1), dtype=np.uint8)
    digits = {"source": "digits", "image_size": 16}
    found = score_images(images, digits, protocol, data_dir=tmp_path, device="cpu").set_index("metric")["value"]
    fields = images.reshape(100, 4, 4, 4, 4).mean(axis=(2, 4)).reshape(100, 16) / 127.5 - 1
    spread = np.linalg.norm(np.tile(fields - fields.mean(axis=0), 3), axis=1).mean()  # three equal channels
    assert found["spread100@fields"] == pytest.approx(spread, rel=1e-5)
    assert found["fid100_train@fields"] > 0
    info = json.loads(next(tmp_path.glob("evaluators/*/fields/evaluator.json")).read_text())
    assert (info["weights"], info["weights_sha256"], info["options"], info["test_accuracy"]) == (None, None, {}, None)
    again = score_images(images, digits, protocol, data_dir=tmp_path, device="cpu").set_index("metric")["value"]
    assert again.equals(found)
    without = parse(ProtocolSpec, {"evaluator": "fields", "num_fake": 100, "metrics": ["is", "confidence"]}, "scores")
    with pytest.raises(ConfigError, match="'fields' has no classes, without which is and confidence mean nothing"):
        check_protocol(without)


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
