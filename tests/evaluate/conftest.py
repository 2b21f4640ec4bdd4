"""A prepared dataset and a classifier, small enough to be made once per test session."""

import pytest
import torch
from evaluate_support import OPTIONS, digits_16px, write_prepared

from sngan_repro.evaluate.build import build_evaluator


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
