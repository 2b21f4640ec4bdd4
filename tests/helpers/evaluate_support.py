"""Helpers of the evaluator's tests."""

import hashlib
import json
import math

import numpy as np
import torch
from PIL import Image
from torch import nn

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.specs import (
    BudgetSpec,
    DatasetSpec,
    EvaluatorSpec,
    MethodSpec,
    NetsSpec,
    OptimizerSpec,
    RunSpec,
    SnapshotsSpec,
    TrainingSpec,
)
from sngan_repro.nets import build_generator
from sngan_repro.nets.interface import ImageSpec

OPTIONS = EvaluatorSpec(epochs=5, width=16, feature_dim=32)


def write_prepared(folder, images, labels, num_train, classes=None):
    """A prepared dataset folder: images uint8 (N, H, W, C), labels int64 (N,)."""
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    description = {
        "source_title": "Test images",
        "num_train": num_train,
        "num_test": len(images) - num_train,
        "image_shape": [images.shape[3], images.shape[1], images.shape[2]],
        "classes": classes,
        "sha256": hashlib.sha256((folder / "images.npy").read_bytes()).hexdigest(),
        "labels_sha256": hashlib.sha256((folder / "labels.npy").read_bytes()).hexdigest(),
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def digits_16px():
    """scikit-learn's digits at 16 pixels: images uint8 (1797, 16, 16, 1), labels int64 (1797,), in random order."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    levels = (digits.images / 16 * 255).round().astype(np.uint8)
    images = np.stack([np.asarray(Image.fromarray(x).resize((16, 16), Image.Resampling.BICUBIC)) for x in levels])
    order = np.random.default_rng(0).permutation(len(images))
    return images[order, ..., None], digits.target[order].astype(np.int64)


NETS = NetsSpec(width=4, z_dim=8)
SPEC = RunSpec(
    seed=3,
    data=DatasetSpec(source="digits", image_size=16),
    method=MethodSpec(name="sngan"),
    nets=NETS,
    optimizer=OptimizerSpec(lr=1e-3),
    training=TrainingSpec(),
    budget=BudgetSpec(steps=20),
    snapshots=SnapshotsSpec(count=2),
)


def protocol(**changes):
    values = {"evaluator": "classifier", "num_fake": 60, "kid_subset_size": 40, "kid_subsets": 5, "is_splits": 2}
    return ProtocolSpec.model_validate({**values, **changes})


def make_generator(seed, broken=False):
    torch.manual_seed(seed)
    G = build_generator(NETS, ImageSpec(1, 16))
    if broken:
        nn.init.constant_(G.dense.bias, math.nan)
    return G.eval()


def values_of(scores):
    return {(r["steps"], r["metric"]): r["value"] for r in scores["records"] if r["selection"] is None}


def again_of(scores):
    """metric -> record of the fresh sample."""
    records = [record for record in scores["records"] if record["selection"] == "best"]
    assert len(records) == len({record["metric"] for record in records})
    return {record["metric"]: record for record in records}


def clouds(num_fake, num_real, dimension, seed=0):
    """Two overlapping sets like features after a ReLU: on a curved surface of few dimensions, with some noise."""
    rng = np.random.default_rng(seed)
    axes = rng.standard_normal((5, dimension))

    def draw(num, scale):
        x = rng.standard_normal((num, 5)) @ axes * scale + 0.3 * rng.standard_normal((num, dimension))
        return np.maximum(x, 0).astype(np.float32)

    return draw(num_fake, 0.8), draw(num_real, 1.0)
