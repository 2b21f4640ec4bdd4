"""Helpers of the evaluator's tests."""

import hashlib
import json

import numpy as np
from PIL import Image

from sngan_repro.study import EvaluatorSpec

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
