"""Study files: expansion, mistakes, and the files that ship."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from sngan_repro.config.machine import MachineConfig, load_machine
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import load_study

ROOT = Path(__file__).parents[2]
VALID: dict[str, Any] = {
    "title": "A study",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan", {"name": "wgan_gp", "penalty_weight": 5}],
    "settings": {"A": {"lr": 0.001}, "B": {"lr": 0.002}},
    "seeds": [0, 1, 2],
    "budget": {"steps": 10},
    "scores": [{"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100}],
}


@pytest.fixture
def study_of(tmp_path: Path):
    def write(**changes: Any):
        values = {**VALID, **changes}
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}))
        return load_study(str(file))

    return write


def test_expansion(study_of):
    runs = study_of().runs()
    assert len(runs) == 2 * 2 * 3
    assert runs[0].id == "digits/SNGAN/A/seed0"
    assert len({run.id for run in runs}) == len(runs)
    assert len({run.digest() for run in runs}) == len(runs)
    wgan = next(run for run in runs if run.label == "WGAN-GP")
    expected = {"loss": "wasserstein", "penalty": "gradient", "penalty_weight": 5.0}
    assert {key: wgan.method.options[key] for key in expected} == expected


def test_one_method_under_several_labels_and_overrides(study_of):
    study = study_of(
        methods=[
            "sngan",
            {"name": "sngan", "label": "SNGAN-standard", "loss": "standard"},
            {"name": "wgan_gp", "setting": {"n_dis": 5}, "nets": {"width": 32}},
        ]
    )
    assert study.labels == ["SNGAN", "SNGAN-standard", "WGAN-GP"]
    first = {run.label: run for run in study.runs()}
    assert first["SNGAN-standard"].method.options["loss"] == "standard"
    assert (first["WGAN-GP"].optimizer.n_dis, first["SNGAN"].optimizer.n_dis) == (5, 1)
    assert (first["WGAN-GP"].nets.width, first["SNGAN"].nets.width) == (32, 64)


def test_an_edit_changes_only_the_runs_it_concerns(study_of):
    before = {run.id: run.digest() for run in study_of().runs()}
    after = {run.id: run.digest() for run in study_of(settings={"A": {"lr": 0.001}, "B": {"lr": 0.003}}).runs()}
    assert {run_id for run_id in before if before[run_id] != after[run_id]} == {i for i in before if "/B/" in i}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"scores": [{"evaluator": "inception", "num_fake": 500}]},
            r"scores.0: .*500 images are fewer than `kid_subset_size` 1000",
        ),
        (
            {"scores": [{"evaluator": "inception", "num_fake": 12, "metrics": ["is"]}]},
            "scores.0: .*12 images are too few for `is_splits` 10",
        ),
        (
            {"scores": [{"evaluator": "inception", "num_fake": 5000, "metrics": ["fdi"]}]},
            r"scores.0: metrics.0: unknown score 'fdi'; did you mean 'fid'",
        ),
        (
            {"scores": [{"evaluator": "inceptoin", "num_fake": 5000}]},
            r"scores.0: evaluator: unknown evaluator 'inceptoin'; did you mean 'inception'",
        ),
        ({"nets": {"family": "cmn"}}, "nets: family: unknown network family 'cmn'; did you mean 'cnn'"),
        (
            {"methods": [{"name": "sngan", "nets": {"family": "cmn"}}]},
            "methods: SNGAN: nets: family: unknown network family 'cmn'",
        ),
        ({"methods": ["sgnan"]}, r"unknown method 'sgnan'; did you mean 'sngan'\? \(known: acgan, began, bn, "),
        ({"reference": "sothampton"}, r"unknown reference 'sothampton'; did you mean 'southampton'\?"),
        (
            {"reference": "southampton", "methods": [{"name": "sngan", "label": "Mine"}]},
            "reference: 'southampton' has values of SNGAN, .*no method of this study has such a label; give one its",
        ),
        ({"methods": ["sngan", "sngan"]}, "two entries have the label 'SNGAN'; give one its own `label:`"),
        (
            {"methods": [{"name": "sngan", "gp_weight": 1}]},
            r"methods: SNGAN: gp_weight: unknown key.*allowed here: loss",
        ),
        (
            {"methods": [{"name": "began", "gamma": 2}]},
            "methods: BEGAN: gamma: Input should be less than or equal to 1",
        ),
        ({"methods": [{"name": "bn", "setting": {"n_diss": 2}}]}, "setting: n_diss: unknown key; did you mean 'n_dis'"),
        ({"methods": []}, "methods: Tuple should have at least 1 item"),
        (
            {"methods": [{"name": "sngan", "label": "a/b"}]},
            "label: a name that becomes part of paths has letters, digits and _ . ",
        ),
        ({"datasets": {"d": {"source": "cifar", "image_size": 32}}}, "unknown data source 'cifar'.*cifar10"),
        ({"datasets": {"d": {"source": "digits", "image_size": 32, "path": "x"}}}, "datasets: d: `path` has no effect"),
        ({"settings": {"A": {"lr": 0.1, "beta_1": 0}}}, "settings.A.beta_1: unknown key; did you mean 'beta1'"),
        ({"seeds": [1, 1]}, "a seed is listed twice"),
        ({"seeds": [-1]}, "seeds must be between 0 and"),
        ({"seeds": [10**23]}, "`seeds` is out of range"),
        ({"seeds": [True]}, "`seeds` is a number, and true is none"),
        ({"seeds": 3}, "seeds: a list is needed; found 3"),
        ({"settings": {"A": None}}, "settings.A: a mapping of keys to values is needed"),
        ({"methods": [{"name": "sngan", "options": "hinge"}]}, "`options` must be a mapping"),
        ({"budget": {"epochs": float("inf")}}, "budget.epochs: Input should be a finite number"),
        (
            {"scores": [{"evaluator": "classifier", "num_fake": 1000, "reference": "test"}]},
            "scores.0: dataset 'digits': 600 images are fewer than `kid_subset_size` 1000",
        ),
        (
            {"scores": [{"evaluator": "classifier", "num_fake": 2000, "num_real": 1300}]},
            "scores.0: dataset 'digits': `num_real` 1300 exceeds the 1197 images of the train split",
        ),
        (
            {"scores": [{"evaluator": "vgg", "num_fake": 5000}]},
            r"unknown evaluator 'vgg' \(known: classifier, inception",
        ),
        ({"scores": VALID["scores"] * 2}, "the metric 'is600@classifier' is produced twice"),
        ({"headline": ["fid60_train@classifier"]}, "unknown headline metric .* did you mean 'fid600_train@classifier'"),
        ({"budget": None}, "budget: this key is required"),
        ({"snapshots": {"steps": [5, 50]}}, r"snapshots: steps: \[50\] are beyond the budget of 10 updates"),
        ({"trainning": {}}, "trainning: unknown key; did you mean 'training'"),
        ({"name": "x"}, "a study is named after its file"),
        (
            {"methods": [{"name": "sngan", "setting": {"lr": 0.1}}, {"name": "bn", "setting": {"lr": 0.2}}]},
            "settings: `lr` is replaced by every method",
        ),
    ],
)
def test_mistakes_are_found_before_any_job(study_of, changes, message):
    with pytest.raises(ConfigError, match=message) as error:
        study_of(**changes)
    assert "mine.yaml" in str(error.value)
    assert "Traceback" not in str(error.value)


def test_unknown_study_lists_the_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError, match="unknown study 'quik'; did you mean 'quick'"):
        load_study("quik")


def test_a_study_outside_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="run this in the repository's folder, or give the path"):
        load_study("quick")
    with pytest.raises(ConfigError, match=r"mine\.yaml: no such file"):
        load_study("studies/mine.yaml")


def test_an_average_that_keeps_much_of_the_untrained_generator_is_refused(study_of):
    with pytest.raises(ConfigError, match=r"ema: after 400 updates the average with the decay 0\.999 still holds 67 %"):
        study_of(training={"ema": 0.999}, budget={"steps": 400})  # 0.999^400 = 0.67
    study_of(training={"ema": 0.994}, budget={"steps": 400})  # 0.994^400 = 0.09
    study_of(training={"ema": 0.999}, budget={"steps": 4000})


OWN_IMAGES = {
    "sngan_paper_imagenet": "data/imagenet",
    "dcgan_128": "data/prints",
    "dcgan_128_tricks": "data/prints",
    "southampton_128": "data/prints",
}
"""Study -> the place of the user's own images."""


def test_shipped_studies_are_valid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)  # the checkout may have images of its user in data/
    Path("config").symlink_to(ROOT / "config")
    files = sorted(Path("config/studies").glob("*.yaml"))
    assert files
    for file in files:
        if file.stem in OWN_IMAGES:
            with pytest.raises(ConfigError, match=f"`path`: {OWN_IMAGES[file.stem]}: no such folder or zip"):
                load_study(file.stem)
            continue
        assert load_study(file.stem).runs()
    assert load_machine() == MachineConfig()  # the shipped file states the defaults


def test_the_imagenet_study_with_a_stand_in_for_the_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A few pictures of two classes in the place of the user's own copy of ImageNet."""
    for name in ("n01", "n02"):
        (tmp_path / "data/imagenet" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (130, 128), (number, 9, 200)).save(tmp_path / "data/imagenet" / name / f"{number}.png")
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    runs = load_study("sngan_paper_imagenet").runs()
    assert {run.label: (run.nets.conditional, run.nets.condition_d, run.nets.family) for run in runs} == {
        "SN-concat": (True, "concat_hidden", "resnet"),
        "SN-projection": (True, "projection", "resnet"),
        "LN-projection": (True, "projection", "resnet"),
    }
    assert runs[0].training.batch_size_g == 128


def test_the_studies_of_prints_with_a_stand_in_for_the_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A few transparent pictures of two classes in the place of the user's own prints."""
    for name in ("actors", "landscapes"):
        (tmp_path / "data/prints" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGBA", (130, 128), (number, 9, 200, 90)).save(tmp_path / "data/prints" / name / f"{number}.png")
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    (run, *_) = load_study("dcgan_128").runs()
    assert (run.nets.family, run.nets.z_dim) == ("dcgan", 128)
    assert (run.training.batch_size, run.training.reuse_fake) == (128, True)
    assert (run.nets.init, run.nets.options, run.data.background) == ("pytorch", {"output": "sigmoid"}, (255, 255, 255))
    tricks = {run.label: run for run in load_study("dcgan_128_tricks").runs()}
    assert tricks["Smooth-both"].method.options["fake_target"] == 0.1
    assert "fake_target" not in tricks["Smooth"].method.options
    assert tricks["K+1"].nets.condition_d == "k_plus_1"
    assert {run.nets.options.get("output") for run in tricks.values()} == {"sigmoid", None}  # None: tanh, the default
    steps = {label: run.budget.steps * run.optimizer.n_dis for label, run in tricks.items()}
    assert set(steps.values()) == {10000}  # of D, in all entries
    southampton = load_study("southampton_128").runs()
    assert {(run.nets.spectral_g, run.nets.options.get("slope", 0.1)) for run in southampton} == {
        (False, 0.1),
        (False, 0.02),
        (True, 0.1),
        (True, 0.02),
    }
    assert {run.optimizer.rates for run in southampton if run.setting == "ratio4x10"} == {(0.004, 0.001)}


def test_quick_study_is_the_one_promised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    study = load_study("quick")
    assert set(study.labels) == {"SNGAN", "WGAN-GP", "BEGAN", "EBGAN", "BN", "LN"}
    assert {name: (s.lr, s.beta1, s.beta2) for name, s in study.settings.items()} == {
        "A": (0.001, 0.5, 0.9),
        "B": (0.001, 0.5, 0.999),
        "C": (0.002, 0.5, 0.999),
    }
    assert len(study.seeds) >= 2
    assert {re.split(r"\d", name)[0] for name in study.metric_names} == {"is", "fid", "kid", "precision", "recall"}


def test_layout_separates_studies_and_shares_data(study_of):
    study = study_of()
    layout = Layout.of(MachineConfig(results_dir="r", data_dir="d"), study)
    first = study.runs()[0]
    run = layout.run(first.id)
    assert str(run.status) == "r/mine/runs/digits/SNGAN/A/seed0/status.json"
    assert str(layout.stored(first).status) == f"r/runs/{first.name}/status.json"
    assert str(run.snapshot(400)) == "r/mine/runs/digits/SNGAN/A/seed0/snapshots/00000400.safetensors"
    dataset = study.datasets["digits"]
    assert layout.dataset(dataset).parent == Path("d/prepared")
    classifier = layout.evaluator(dataset, "classifier", study.classifier)
    assert study.classifier.digest()[:8] in classifier.name
    assert layout.evaluator(dataset, "inception", study.classifier).name == "inception"


def test_shipped_studies_satisfy_the_schema_for_editors():
    import jsonschema

    schema = json.loads((ROOT / "workflow/schemas/study.schema.json").read_text())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    for file in (ROOT / "config/studies").glob("*.yaml"):
        values = yaml.safe_load(file.read_text())
        kind(schema).validate(values)
    with pytest.raises(jsonschema.ValidationError, match="budgett"):
        kind(schema).validate({**values, "budgett": 1})


def test_consequences_of_a_mistake_are_not_told_again(study_of):
    with pytest.raises(ConfigError) as error:
        study_of(scores=[{"evaluator": "classifier", "num_fake": 5}])
    assert len(str(error.value).splitlines()) == 1


def test_allowed_keys_are_those_of_a_file(study_of):
    with pytest.raises(ConfigError) as error:
        study_of(nonsense=1)
    assert "(allowed here: title, description, datasets" in str(error.value)


FAULTY = {"evaluator": "classifier", "num_fake": 600, "metrics": ["is", "fid"]}


def test_headline_metrics_are_clean(study_of):
    faulty, clean = {**FAULTY, "fault_distinct": 50}, {**FAULTY, "num_fake": 500}
    assert study_of(scores=[faulty, clean]).headline_metrics == ["is500@classifier", "fid500_train@classifier"]
    assert study_of(scores=[faulty]).headline_metrics == ["is600_50x12@classifier", "fid600_train_50x12@classifier"]
    with pytest.raises(ConfigError, match="headline: 'fid600_train_50x12@classifier' is measured with faults"):
        study_of(scores=[faulty, clean], headline=["fid600_train_50x12@classifier"])


def test_a_detour_over_the_datasets_own_size_is_none(study_of):
    with pytest.raises(ConfigError, match="`fault_detour` 16 is the `image_size` of dataset 'digits'"):
        study_of(scores=[{**FAULTY, "fault_detour": 16}])
    assert study_of(scores=[{**FAULTY, "fault_detour": 12}]).metric_names[0] == "is600_via12@classifier"
