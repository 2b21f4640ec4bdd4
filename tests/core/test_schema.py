"""Strict models and readable errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from sngan_repro.config.machine import MachineConfig
from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.specs import BudgetSpec, DatasetSpec, NetsSpec, SnapshotsSpec, TrainingSpec
from sngan_repro.core.schema import ConfigError, parse, require_known
from sngan_repro.core.yaml_files import read_yaml
from sngan_repro.evaluation.protocol import metric_name


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (
            TrainingSpec,
            {"batchsize": 8},
            r"x: batchsize: unknown key; did you mean 'batch_size'\? \(allowed here: batch_",
        ),
        (TrainingSpec, {"batch_size": "many"}, "batch_size: Input should be a valid integer.*found 'many'"),
        (TrainingSpec, {"batch_size": 1}, "batch_size: Input should be greater than or equal to 2; found 1"),
        (TrainingSpec, {"ema": 1.5}, "ema: Input should be less than 1"),
        (DatasetSpec, {"source": "digits", "image_size": 30}, "image_size: Input should be a multiple of 4"),
        (DatasetSpec, {"source": "digits", "image_size": 132}, "image_size: Input should be less than or equal to 128"),
        (DatasetSpec, {"image_size": 32}, "source: this key is required"),
        (DatasetSpec, {"source": "digits", "image_size": 32, "channels": 2}, "channels: Input should be 1 or 3"),
        (NetsSpec, {"z_law": "gauss"}, "z_law: Input should be 'normal', 'uniform' or 'uniform01'; found 'gauss'"),
        (OptimizerSpec, {"beta1": 0.5}, "give `lr`, or both `lr_d` and `lr_g`"),
        (OptimizerSpec, {"lr": 1, "lr_d": 1, "lr_g": 2}, "`lr` has no effect"),
        (OptimizerSpec, {"lr": -1}, "lr: Input should be greater than 0"),
        (BudgetSpec, {}, "exactly one of `steps` and `epochs`"),
        (BudgetSpec, {"steps": 5, "epochs": 1}, "exactly one of `steps` and `epochs`"),
        (SnapshotsSpec, {"count": 2, "every_steps": 3}, "exactly one of"),
        (
            ProtocolSpec,
            {"evaluator": "inception", "num_fake": 5000, "metrics": ["is", "is"]},
            "a metric is listed twice",
        ),
        (MachineConfig, {"device": "gpu"}, "device: String should match pattern"),
        (MachineConfig, {"studdy": "quick"}, "unknown key; did you mean 'study'"),
    ],
)
def test_mistakes_are_named(model, values, message):
    with pytest.raises(ConfigError, match=message):
        parse(model, values, "x")


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ConfigError) as error:
        parse(TrainingSpec, {"batchsize": 8, "ema": 2, "precision": "fp16"}, "f.yaml")
    assert len(str(error.value).splitlines()) == 3


def test_a_changed_copy_has_a_digest_of_its_own():
    first = OptimizerSpec(lr=1e-3)
    before = first.digest()
    changed = first.model_copy(update={"lr": 2e-3})
    assert changed.digest() == OptimizerSpec(lr=2e-3).digest() != before
    assert '"lr": 0.002' in changed.to_json()
    assert (first.digest(), first.model_copy().digest()) == (before, before)
    assert first == OptimizerSpec(lr=1e-3)  # cached properties are no part of the value


def test_digest_is_of_content_and_not_of_order_or_defaults():
    a = DatasetSpec(source="digits", image_size=16)
    b = DatasetSpec.model_validate({"image_size": 16, "split_seed": 0, "source": "digits"})
    assert a.digest() == b.digest()
    assert a.digest() != DatasetSpec(source="digits", image_size=20).digest()
    assert a.id == f"digits-16px-{a.digest()[:8]}"


def test_models_are_frozen():
    with pytest.raises(Exception, match="frozen"):
        DatasetSpec(source="digits", image_size=16).image_size = 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", r"line 2: the key 'a' is given twice"),
        ("a: [1\n", "not valid YAML"),
        ("- a\n", "expected a mapping .* found list"),
        ("", "expected a mapping .* found NoneType"),
    ],
)
def test_yaml_mistakes_name_the_file(tmp_path: Path, text: str, message: str):
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"f.yaml: {message}"):
        read_yaml(file)


def test_missing_file(tmp_path: Path):
    with pytest.raises(ConfigError, match="no such file"):
        read_yaml(tmp_path / "absent.yaml")


def test_nearest_name_is_offered():
    with pytest.raises(ConfigError, match=r"unknown method 'sgnan'; did you mean 'sngan'\? \(known: bn, sngan\)"):
        require_known("method", "sgnan", ["sngan", "bn"])


@pytest.mark.parametrize(
    ("rule", "total", "per_epoch", "expected"),
    [
        ({"count": 4}, 400, 10.0, [100, 200, 300, 400]),
        ({"count": 3}, 10, 10.0, [3, 7, 10]),
        ({"every_steps": 30}, 100, 10.0, [30, 60, 90, 100]),
        ({"every_epochs": 50}, 234375, 781.25, [39062, 78125, 117188, 156250, 195312, 234375]),
        ({"steps": [5, 500]}, 100, 10.0, [5, 100]),
        ({"count": 9}, 2, 1.0, [1, 2]),
    ],
)
def test_snapshot_steps(rule, total, per_epoch, expected):
    assert SnapshotsSpec.model_validate(rule).at(total, per_epoch) == expected


def test_budget_in_epochs():
    assert BudgetSpec(epochs=300).total_steps(50_000 / 64) == 234_375
    assert BudgetSpec(epochs=0.001).total_steps(10) == 1


@pytest.mark.parametrize(
    ("changes", "metric", "name"),
    [
        ({}, "fid", "fid6k_train@inception"),
        ({}, "is", "is6k@inception"),
        ({"is_splits": 1}, "is", "is6ks1@inception"),
        ({"reference": "test", "num_real": 10_000, "num_fake": 5000}, "fid", "fid5k_test10k@inception"),
        ({"kid_subset_size": 300, "kid_subsets": 50}, "kid", "kid6k_train_m300x50@inception"),
        ({"batch_norm": "batch", "seed": 7}, "recall", "recall6k_train_bnbatch_seed7@inception"),
        ({"num_fake": 1500}, "precision", "precision1500_train@inception"),
    ],
)
def test_metric_names_carry_the_protocol(changes, metric, name):
    assert (
        metric_name(ProtocolSpec.model_validate({"evaluator": "inception", "num_fake": 6000, **changes}), metric)
        == name
    )


def test_ttur_rates():
    assert OptimizerSpec(lr=1e-3).rates == (1e-3, 1e-3)
    assert OptimizerSpec(lr=1e-3, lr_d=4e-3).rates == (4e-3, 1e-3)
    assert OptimizerSpec(lr_d=4e-3, lr_g=1e-3).rates == (4e-3, 1e-3)
