"""A study beside published values."""

from __future__ import annotations

import synthetic

LEVEL = {"SNGAN": 5.0, "WGAN-GP": 4.0, "BN": 3.0}


def beside(**changes):
    """Three published methods, settings A and C, on CIFAR-10, in Inception features."""
    values = {
        "datasets": {"cifar10": {"source": "cifar10", "image_size": 28, "channels": 3}},
        "methods": ["sngan", "wgan_gp", "bn"],
        "settings": {
            "A": {"lr": 0.001, "beta1": 0.5, "beta2": 0.9},
            "C": {"lr": 0.002, "beta1": 0.5, "beta2": 0.999},
        },
        "scores": [{"evaluator": "inception", "num_fake": 6000, "metrics": ["is", "fid"]}],
        "reference": "southampton",
    }
    return synthetic.make_study(**(values | changes))


def value(metric, spec, steps):
    """IS: LEVEL and a tenth of the seed; FID: ten times the distance of LEVEL from 10. C is better by 0.5."""
    level = LEVEL[spec.label] + (0.5 if spec.setting == "C" else 0) + 0.1 * spec.seed + steps / 1e5
    return level if metric.startswith("is") else 10 * (10 - level)
