"""Malformed studies and other files of the user, made by a fixed rule: each is valid, or one message."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from malformed import TEXTS, VALUES, mutated

from sngan_repro.analysis.claims.ledger import LEDGERS_DIR, load_ledger
from sngan_repro.config.machine import load_machine
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core import plugins, registry
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.yaml_files import read_yaml
from sngan_repro.methods import METHODS
from sngan_repro.methods.program import find_program
from sngan_repro.nets.families import FAMILIES
from sngan_repro.study.entries import nets_of, options_of
from sngan_repro.study.load import load_study
from sngan_repro.study.reference import FOLDER as REFERENCES
from sngan_repro.study.reference import load_reference

ROOT = Path(__file__).parents[2]

BASE: dict[str, Any] = {
    "title": "A study",
    "description": "Text with $x^2$.",
    "datasets": {"digits": {"source": "digits", "image_size": 16, "test_fraction": None, "split_seed": 0}},
    "methods": [
        "bn",
        {"name": "wgan_gp", "label": "GP", "penalty_weight": 5.0},
        {"name": "sngan", "setting": {"lr": 0.01}},
    ],
    "settings": {"A": {"lr": 0.001, "beta1": 0.5, "beta2": 0.9, "n_dis": 1}},
    "seeds": [0, 1],
    "budget": {"steps": 100},
    "snapshots": {"count": 2},
    "training": {"batch_size": 64, "ema": None, "log_every": 50, "precision": "fp32"},
    "nets": {"family": "cnn", "options": {"slope": 0.1}, "width": 8, "z_dim": 8},
    "scores": [{"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 100, "seed": 0}],
    "classifier": {"epochs": 2, "lr": 0.002, "batch_size": 64},
    "headline": [],
}


def refused(read: Callable[[Path], object], base: dict[str, Any], number: int, file: Path) -> int:
    """Read so many malformed files with ``read``. Each is valid, or one message. Returns how many are refused."""
    rng, messages = random.Random(16), []
    for _ in range(number):
        text = mutated(base, rng)
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        started = time.process_time()
        try:
            read(file)
        except ConfigError as error:
            messages.append(str(error))
        assert time.process_time() - started < 5, text[:500]
    assert [text for text in messages if len(text) > 2000 + len(str(file)) or str(file) not in text] == []
    assert [text for text in messages if not all(line.isprintable() for line in text.split("\n"))] == []
    return len(messages)


@pytest.mark.slow
def test_every_malformed_study_is_one_message(tmp_path: Path):
    assert 500 < refused(lambda file: load_study(str(file)).runs(), BASE, 1000, tmp_path / "mine.yaml") < 1000


PROGRAM: dict[str, Any] = {
    "title": "A program",
    "summary": "draws numbers",
    "command": "python {folder}/mine.py {task} --components {components}",
    "equations": "y = x",
    "symbols": {"y": "an image"},
    "source": "pearson1901",
    "options": {"components": {"default": 2, "min": 1, "max": 9}, "law": {"default": "a", "choices": ["a", "b"]}},
    "files": ["{folder}/mine.py"],
    "settings": False,
}


@pytest.mark.parametrize("kind", ["program", "config", "reference", "ledger"])
def test_every_other_malformed_file_is_one_message(kind, tmp_path):
    (tmp_path / "mine.py").touch()

    def read_program(file: Path) -> None:
        program = find_program(str(file))
        assert program is not None
        program.options_in_effect(program.Options())
        assert program.code

    read, base = {
        "program": (read_program, PROGRAM),
        "config": (lambda file: load_machine({}, file), read_yaml(ROOT / "config/config.yaml")),
        "reference": (lambda file: load_reference(str(file)), read_yaml(REFERENCES / "sngan_paper_resnet.yaml")),
        "ledger": (lambda file: load_ledger(str(file)), read_yaml(LEDGERS_DIR / "mnist_tutorial.yaml")),
    }[kind]
    with registry.isolated(), plugins.isolated():
        assert 100 < refused(read, base, 300, tmp_path / "mine.yaml") < 300


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts_that_are_no_study(text, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        load_study(str(file))


def test_merge_keys_are_allowed(tmp_path):
    file = tmp_path / "mine.yaml"
    base = yaml.safe_dump({key: value for key, value in BASE.items() if key != "settings"})
    file.write_text(base + "settings:\n  A: &a {lr: 0.001, n_dis: 5}\n  B: {<<: *a, lr: 0.01}\n")
    settings = load_study(str(file)).settings
    assert (settings["B"].lr, settings["B"].n_dis) == (0.01, 5)


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".yaml", "x" * 5000, "a\x00b.yaml", "", " ", "{a}.yaml", "-x", "/dev/zero"]
)
def test_names_of_studies(name):
    with pytest.raises(ConfigError):
        load_study(name)


def refusals(options: Any, read: Callable[[dict[str, Any]], object]) -> list[tuple[str, str]]:
    """(key, message) for each value that ``read`` refuses, of all keys of a model of options."""
    found = []
    for key in options.model_fields:
        for value in VALUES:
            try:
                read({key: copy.deepcopy(value)})
            except ConfigError as error:
                found.append((key, str(error)))
    return found


@pytest.mark.parametrize("name", METHODS.names())
def test_every_option_with_every_value(name):
    """A value of any kind is valid, or refused by one message that names the option."""
    method = METHODS.get(name)
    found = refusals(method.Options, lambda given: options_of(method, given, f"methods: {name}"))
    assert {key for key, _ in found} == set(method.Options.model_fields)
    assert [text for key, text in found if key not in text or len(text) > 2000] == []


@pytest.mark.parametrize("name", FAMILIES.names())
def test_every_option_of_the_networks_with_every_value(name):
    family = FAMILIES.get(name)
    found = refusals(family.Options, lambda given: nets_of(NetsSpec(), {"family": name, "options": given}, "mine"))
    assert {key for key, _ in found} == set(family.Options.model_fields)
    assert [text for key, text in found if key not in text or len(text) > 2000] == []
