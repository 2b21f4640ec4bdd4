"""1,000 malformed studies, made by a fixed rule: each is a valid study, or one message."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import METHODS
from sngan_repro.nets.families import FAMILIES
from sngan_repro.study.entries import nets_of, options_of
from sngan_repro.study.load import load_study

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
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 10**9, 10**30, -(10**30), 2**32 - 1, 0.5, 1e-300, 1e308, float("inf"), float("nan"),
    "", " ", "x", "x" * 100_000, "\x00\x1b[31mred\x07", "\U0001f600", "../..", "/dev/zero", "{a}", "-x", "~", "1e5",
    "1_000", "<script>", "a\nb", [], [None], [1, "a", {}], {}, {"a": 1}, {1: 2}, [[[[]]]], "2024-02-30",
]  # fmt: skip
TEXTS = [
    "c0: &c0 [x]\n" + "".join(f"c{i}: &c{i} [{', '.join([f'*c{i - 1}'] * 9)}]\n" for i in range(1, 10)),  # 9^9 values
    "a: &a [*a]\n",
    "? [1, 2]\n: 3\n",
    "? {a: 1}\n: 3\n",
    "budget: {steps: !!int abc}\n",
    "title: !!timestamp 2024-02-30\n",
    "title: 2024-02-30\n",
    "seeds: [" + "9" * 5000 + "]\n",
    "[" * 400 + "]" * 400 + "\n",
    "a: " + "[" * 200_000 + "\n",
    "title: !!python/object:os.system x\n",
    "title: 'a\n",
    "title: \"\\x07\\x1b\"\n",
    "\x00",
    "- 1\n",
    "a: 1\na: 2\n",
    "<<: {title: abc}\n",
    "<<: [1]\n",
    "title: *unknown\n",
    "\t- x\n",
    "%YAML 9.9\n---\na: 1\n",
    "--- a\n--- b\n",
    "title: !!binary x\n",
    "title: !!set {a, b}\n",
    "" ,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a study."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, part in items for inner in places(part, (*path, key)))]


def mutated(rng: random.Random) -> str:
    """A study with one to three changes, as YAML, or a text that is no study."""
    if rng.random() < 0.1:
        return rng.choice(TEXTS) + (yaml.safe_dump(BASE) if rng.random() < 0.5 else "")
    study = copy.deepcopy(BASE)
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(places(study)[1:])
        parent: Any = study
        for key in path[:-1]:
            parent = parent[key]
        kind = rng.random()
        if kind < 0.6:
            parent[path[-1]] = copy.deepcopy(rng.choice(VALUES))
        elif kind < 0.75:
            del parent[path[-1]]
        elif isinstance(parent, dict):
            name = rng.choice([f"{path[-1]}x", "added", 7, None, True, "x" * 5000, "\x1b", "a.b"])
            parent[name] = copy.deepcopy(rng.choice(VALUES))
        else:
            parent.append(copy.deepcopy(rng.choice(VALUES)))
    text = yaml.safe_dump(study, allow_unicode=True)
    if rng.random() < 0.1:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(["\x00", "{", "[", ":", "\t", "&a ", "*a ", "'", "%", "\ud800"]) + text[at:]
    return text


@pytest.mark.slow
def test_every_malformed_study_is_one_message(tmp_path: Path):
    rng, file, refused = random.Random(16), tmp_path / "mine.yaml", 0
    for number in range(1000):
        text = mutated(rng)
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        started = time.process_time()
        try:
            load_study(str(file)).runs()
        except ConfigError as error:
            message, refused = str(error), refused + 1
            assert len(message) < 2000 + len(str(file)), (number, message)
            assert all(line.isprintable() for line in message.split("\n")), (number, message)
            assert str(file) in message, (number, message)
        assert time.process_time() - started < 5, (number, text[:500])
    assert 500 < refused < 1000


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
