"""The FID within classes and the class accuracy, by hand and against a matrix square root."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.metrics import NO_VALUE, compute
from sngan_repro.evaluation.scores.intra_fid import class_distances

PROTOCOL = ProtocolSpec(evaluator="classifier", num_fake=60, metrics=("intra_fid", "class_accuracy"))


def features(seed: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Two classes of 30 images and three features, in mixed order; the features of class 1 have another spread."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1], 30))
    values = rng.normal(size=(60, 3)) * np.where(labels == 1, 2.0, 1.0)[:, None] + shift * labels[:, None]
    return {"features": values.astype(np.float32), "logits": np.zeros((60, 2), np.float32), "labels": labels}


def reference(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    c, d = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(c @ d).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c + d - 2 * root))


def test_mean_over_classes():
    fake, real = features(1), features(2, shift=3.0)
    of_class = [
        reference(fake["features"][fake["labels"] == label], real["features"][real["labels"] == label])
        for label in (0, 1)
    ]
    assert class_distances(fake, real) == pytest.approx(dict(enumerate(of_class)), rel=1e-5)
    value, spread, over = compute(PROTOCOL, fake, real)["intra_fid"]
    assert value == pytest.approx(np.mean(of_class), rel=1e-5)
    assert spread == pytest.approx(np.std(of_class), rel=1e-5)
    assert over == "2 classes"


def test_wrong_classes_are_seen():
    """Exchanged labels leave the FID as it is, and raise the intra-class FID."""
    real = features(2, shift=6.0)
    exchanged = {**real, "labels": 1 - real["labels"]}
    assert compute(PROTOCOL, real, real)["intra_fid"][0] == pytest.approx(0, abs=1e-6)
    assert compute(PROTOCOL, exchanged, real)["intra_fid"][0] > 50


def test_a_class_with_no_more_images_than_features_has_no_value():
    fake, real = features(1), features(2)
    few = np.sort(np.concatenate([np.flatnonzero(fake["labels"] == 0), np.flatnonzero(fake["labels"] == 1)[:3]]))
    fake = {name: values[few] for name, values in fake.items()}
    distances = class_distances(fake, real)
    assert np.isfinite(distances[0])
    assert np.isnan(distances[1])
    assert compute(PROTOCOL, fake, real)["intra_fid"] == NO_VALUE


def test_images_without_labels():
    fake, real = features(1), features(2)
    unlabelled = {name: values for name, values in fake.items() if name != "labels"}
    assert compute(PROTOCOL, unlabelled, real) == {"intra_fid": NO_VALUE, "class_accuracy": NO_VALUE}
    real["labels"] = np.where(np.arange(60) < 5, -1, real["labels"])  # five images of no class
    assert set(class_distances(fake, real)) == {0, 1}


def test_class_accuracy_by_hand():
    fake = features(1)
    fake["logits"] = np.eye(2, dtype=np.float32)[fake["labels"]]
    fake["logits"][:15] = fake["logits"][:15, ::-1]
    assert compute(PROTOCOL, fake, features(2))["class_accuracy"][0] == pytest.approx(0.75)
