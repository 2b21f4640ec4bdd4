"""Datasets that cannot give what the protocols ask for are found before training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sngan_repro.cli.main import main
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.files import read_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.feasible import check_protocols


def protocol(**changes) -> ProtocolSpec:
    values = {"evaluator": "classifier", "num_fake": 100, "is_splits": 2, "kid_subset_size": 50}
    return ProtocolSpec.model_validate({**values, **changes})


def test_enough_and_unknown():
    check_protocols("d", [protocol(), protocol(reference="test", num_real=60)], 100, 60, labelled=True)
    check_protocols("d", [protocol(num_real=10**6)], None, None, labelled=True)
    check_protocols("d", [protocol(evaluator="inception")], None, None, labelled=False)


@pytest.mark.parametrize(
    ("changes", "labelled", "message"),
    [
        ({}, False, "scores.0: dataset 'd' has no classes"),
        ({"num_real": 101}, True, "`num_real` 101 exceeds the 100 images of the train split"),
        ({"reference": "test"}, True, "40 images are fewer than `kid_subset_size` 50"),
        ({"reference": "test", "metrics": ["precision"], "num_real": 50}, True, "`num_real` 50 exceeds the 40"),
    ],
)
def test_too_little(changes, labelled, message):
    with pytest.raises(ConfigError, match=message):
        check_protocols("d", [protocol(**changes)], 100, 40, labelled)


def test_repeated_images_are_enough():
    """50 distinct images make a covariance of rank 49 at most; a distance to it is computed, and so was published."""
    repeated = protocol(num_fake=6000, fault_distinct=50, is_splits=10, metrics=["is", "fid"])
    check_protocols("d", [repeated], 50_000, 10_000, labelled=True)
    check_protocols("d", [protocol(fault_distinct=2, metrics=["is", "fid"])], 100, 40, labelled=True)


def test_command(tiny_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "checked.json"
    given = ["check-data", "--dataset", str(tiny_images), "--out", str(out), "--protocols"]
    with pytest.raises(SystemExit) as stopped:
        main([*given, json.dumps([protocol(num_real=60).to_dict()])])
    assert stopped.value.code == 2
    assert f"dataset '{tiny_images.name}': `num_real` 60 exceeds the 50 images" in capsys.readouterr().err
    assert not out.exists()
    main([*given, json.dumps([protocol(num_real=50).to_dict()])])
    assert read_json(out)["dataset_sha256"] == read_json(tiny_images / "dataset.json")["sha256"]
