"""Entries of `methods` in a study file: what they come to, and what is said of broken ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import METHODS
from sngan_repro.study.load import load_study
from sngan_repro.study.study import Study

STUDY: dict[str, Any] = {
    "title": "A study",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "settings": {"A": {"lr": 0.001}, "TTUR": {"lr_d": 0.004, "lr_g": 0.001}},
    "seeds": [0],
    "budget": {"steps": 10},
    "scores": [{"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100}],
}


@pytest.fixture
def study_of(tmp_path: Path):
    """Reads a study whose `methods` are given as they would stand in its file."""

    def read(methods: str) -> Study:
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump(STUDY) + f"methods: {methods}\n")
        return load_study(str(file))

    return read


BROKEN = [
    ("[sngan, sngan]", "methods: two entries have the label 'SNGAN'; give one its own `label:`"),
    (
        "[sngan, {name: bn, label: sngan}]",
        "methods: the labels 'SNGAN' and 'sngan' differ in case only, so their results would share a folder on some "
        "disks; give one another `label:`",
    ),
    ("[SNGAN]", "unknown method 'SNGAN'; did you mean 'sngan'? (known: acgan, began, bn, "),
    (
        "[{sngan: {loss: hinge}}]",
        "methods.0: the method's name is the value of `name`; write {name: sngan, loss: hinge}",
    ),
    ("[{sngan: }]", "methods.0: the method's name is the value of `name`; write {name: sngan}"),
    ("[3]", "methods.0: a name such as sngan, or a mapping such as {name: sngan, loss: hinge}; found 3"),
    ("sngan", "methods: a list is needed; found 'sngan'"),
    ("[{label: X}]", "methods.0.name: this key is required"),
    (
        "[{name: sngan, label: my gan}]",
        "methods.0.label: a name that becomes part of paths has letters, digits and _ . + - only, and begins with a "
        "letter or digit; found 'my gan'",
    ),
    (
        "[{name: sngan, losss: hinge}]",
        "methods: SNGAN: losss: unknown key; did you mean 'loss'? (allowed here: loss, real_target, ",
    ),
    (
        "[{name: sngan, lable: X}]",
        "methods: SNGAN: lable: unknown key; did you mean 'label'? (allowed here: loss, real_target, ",
    ),
    ("[{name: wgan_gp, n_dis: 5}]", "methods: WGAN-GP: n_dis: this is a key of `setting`; write setting: {n_dis: 5}"),
    (
        "[{name: wgan_gp, batch_size: 3}]",
        "methods: WGAN-GP: batch_size: this is a key of `training`; write training: {batch_size: 3}",
    ),
    (
        "[{name: wgan_gp, training: {bach_size: 3}}]",
        "methods: WGAN-GP: training: bach_size: unknown key; did you mean 'batch_size'?",
    ),
    ("[{name: wgan_gp, width: 32}]", "methods: WGAN-GP: width: this is a key of `nets`; write nets: {width: 32}"),
    (
        "[{name: sngan, loss: hing}]",
        "methods: SNGAN: loss: Input should be 'standard', 'minimax', 'hinge', 'wasserstein' or 'least_squares'; found "
        "'hing'",
    ),
    ("[{name: wgan_gp, penalty_weight: ten}]", "methods: WGAN-GP: penalty_weight: Input should be a valid number"),
    ("[{name: wgan_gp, penalty_weight: yes}]", "methods: WGAN-GP: `penalty_weight` is a number, and true is none"),
    ("[{name: began, gamma: 2}]", "methods: BEGAN: gamma: Input should be less than or equal to 1; found 2"),
    ("[{name: sngan, options: hinge}]", "methods.0: `options` must be a mapping of options to values; found 'hinge'"),
    ("[{name: sngan, setting: 5}]", "methods.0.setting: a mapping of keys to values is needed; found 5"),
    (
        "[{name: bn, setting: {n_diss: 2}}, sngan]",
        "methods: BN: setting: n_diss: unknown key; did you mean 'n_dis'? (allowed here: optimizer, lr, lr_d, lr_g, "
        "beta1, beta2, alpha, n_dis)",
    ),
    (
        "[{name: bn, nets: {widht: 8}}, sngan]",
        "methods: BN: nets: widht: unknown key; did you mean 'width'? (allowed here: family, options, width, z_dim, ",
    ),
]


@pytest.mark.parametrize(("methods", "message"), BROKEN)
def test_broken_entries(methods: str, message: str, study_of):
    with pytest.raises(ConfigError) as error:
        study_of(methods)
    (line,) = str(error.value).splitlines()
    assert re.sub(r"^.*mine\.yaml: ", "", line).startswith(message)


@pytest.mark.parametrize(
    ("setting", "rates"),
    [
        ({"lr": 0.01}, {"A": (0.01, 0.01), "TTUR": (0.01, 0.01)}),
        ({"lr_d": 0.02, "lr_g": 0.03}, {"A": (0.02, 0.03), "TTUR": (0.02, 0.03)}),
        ({"lr_d": 0.02}, {"A": (0.02, 0.001), "TTUR": (0.02, 0.001)}),
    ],
)
def test_rates_of_an_entry_replace_the_other_form(setting, rates, study_of):
    study = study_of(f"[sngan, {{name: bn, setting: {setting}}}]")
    assert {run.setting: run.optimizer.rates for run in study.runs() if run.label == "BN"} == rates
    assert {run.setting: run.optimizer.rates for run in study.runs() if run.label == "SNGAN"} == {
        "A": (0.001, 0.001),
        "TTUR": (0.004, 0.001),
    }


def test_numbers_without_a_point_are_numbers(study_of):
    """YAML reads 1e-3 as a text."""
    (run, _) = study_of("[{name: wgan_gp, penalty_weight: 1e-3}]").runs()
    assert run.method.options["penalty_weight"] == 0.001


def test_what_a_method_refuses_says_where(study_of, monkeypatch):
    def check(options, setting):
        if setting.lr_d:
            raise ConfigError("one rate for both is needed")

    monkeypatch.setattr(METHODS.get("bn"), "check", check)
    with pytest.raises(ConfigError, match=r"mine\.yaml: methods: Mine: setting TTUR: one rate for both is needed"):
        study_of("[sngan, {name: bn, label: Mine}]")


def test_an_entry_has_its_own_training_and_budget(study_of):
    """Recipes of one method that differ in batch, schedule or length can stand side by side."""
    own = "{name: sngan, label: Official, training: {batch_size_g: 128}, budget: {steps: 7}}"
    runs = study_of(f"[sngan, {own}]").runs()
    first, second = (next(run for run in runs if run.label == label) for label in ("SNGAN", "Official"))
    assert (first.training.batch_size_g, second.training.batch_size_g) == (None, 128)
    assert first.training.batch_size == second.training.batch_size
    assert second.budget.steps == 7 != first.budget.steps
    alike = study_of("[{name: sngan, training: {}}]").runs()[0]
    assert alike.digest() == first.digest()
