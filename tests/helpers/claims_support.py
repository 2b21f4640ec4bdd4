"""An invented study that claims are judged on."""

from __future__ import annotations

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
            "settings": {name: {"lr": 0.001 * (index + 1)} for index, name in enumerate(settings)},
            "seeds": list(range(seeds)),
            "budget": {"steps": 400},
            "snapshots": {"count": 4},
            "scores": scores or [{"evaluator": "classifier", "metrics": ["is", "fid"], "num_fake": 6000}],
        }
        | changes
    )
