"""An invented study that claims are judged on."""

from __future__ import annotations

import zlib

import numpy as np

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.study.load import make_study as checked_study
from sngan_repro.study.study import Study

LABELS = ["SNGAN", "WGAN-GP", "BEGAN", "EBGAN", "BN", "LN"]
METHODS = ["sngan", "wgan_gp", "began", "ebgan", "bn", "ln"]
EPOCHS_PER_UPDATE = 0.01


def make_study(seeds=5, methods=METHODS, settings="ABC", scores=None, **changes) -> Study:
    return checked_study(
        {
            "name": "invented",
            "title": "An invented study",
            "datasets": {"cifar10": {"source": "cifar10", "image_size": 28}},
            "methods": list(methods),
            "settings": settings
            if isinstance(settings, dict)
            else {name: {"lr": 0.001 * (index + 1)} for index, name in enumerate(settings)},
            "seeds": list(range(seeds)),
            "budget": {"steps": 400},
            "snapshots": {"count": 4},
            "scores": scores or [{"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 6000}],
        }
        | changes
    )


ORDER = {label: len(LABELS) - place for place, label in enumerate(LABELS)}  # SNGAN best


def noise(*key):
    """A small number that depends on the key only."""
    words = [zlib.crc32(str(part).encode()) for part in key]
    return 0.02 * float(np.random.default_rng(words).standard_normal())


def ordered(metric, label, setting, seed, place):
    """Methods in the order of LABELS at every setting and snapshot; IS up, FID down with training."""
    skill = ORDER[label] + 0.5 * place + noise(label, setting, seed, place)
    return skill if metric.startswith("is") else 100 - skill


def flat(metric, label, setting, seed, place):
    """No difference between anything but noise."""
    return 10 + noise(metric, label, setting, seed, place)


def judge(evidence, test, **options):
    return CRITERIA.get(test)(evidence, **options).name
