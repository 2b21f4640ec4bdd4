"""The tiny study of the tests of the library."""

from typing import Any

STUDY: dict[str, Any] = {
    "title": "A tiny study",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan", "began"],
    "settings": {"A": {"lr": 0.001}, "C": {"lr": 0.002, "n_dis": 2}},
    "seeds": [0, 1],
    "budget": {"steps": 6},
    "snapshots": {"steps": [3, 6]},
    "training": {"batch_size": 16, "log_every": 3},
    "nets": {"width": 4, "z_dim": 8},
    "classifier": {"epochs": 1, "width": 8, "feature_dim": 8},
    "scores": [
        {"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 50, "kid_subsets": 3},
        {"evaluator": "classifier", "num_fake": 50, "metrics": ["fid"], "fault_contrast_stretch": True, "seed": 4},
    ],
}
