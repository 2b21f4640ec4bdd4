"""A prepared dataset and a classifier, small enough to be made once per test session."""

import json

import pytest
import torch
from evaluate_support import OPTIONS, SPEC, digits_16px, make_generator, protocol, write_prepared

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import write_json
from sngan_repro.data.dataset import PreparedData
from sngan_repro.evaluation.build import build_evaluator
from sngan_repro.evaluation.score import score_run
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.snapshot import save_snapshot


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def digits_dir(tmp_path_factory):
    images, labels = digits_16px()
    return write_prepared(tmp_path_factory.mktemp("digits") / "prepared", images, labels, 1197, list("0123456789"))


@pytest.fixture(scope="session")
def classifier_dir(digits_dir):
    """The classifier's folder for the digits. Tests that change it work on a copy."""
    out = digits_dir.parent / "classifier"
    build_evaluator("classifier", digits_dir, OPTIONS, out, None)
    return out


@pytest.fixture
def run(tmp_path):
    """A complete run with two snapshots."""
    run = RunPaths(tmp_path / "run")
    snapshots = []
    for steps in (10, 20):
        sha256 = save_snapshot(run, SPEC, make_generator(steps).state_dict(), steps, ImageSpec(1, 16))
        snapshots.append({"steps": steps, "images_seen": 64 * steps, "sha256": sha256, "last_finite": False})
    write_json(run.spec, SPEC.to_dict())
    write_json(run.status, {"state": "ok", "spec_digest": SPEC.digest(), "snapshots": snapshots})
    return run


@pytest.fixture
def change_status(run):
    def change(**values):
        write_json(run.status, {**json.loads(run.status.read_text()), **values})

    return change


@pytest.fixture
def scored(run, digits_dir, classifier_dir):
    """Score the run under some protocols."""

    def score_it(*protocols):
        return score_run(run, list(protocols or [protocol()]), digits_dir, {"classifier": classifier_dir})

    return score_it


@pytest.fixture(scope="module")
def data(digits_dir):
    return PreparedData.open(digits_dir)
