"""The evaluators there are. No torch here."""

from __future__ import annotations

EVALUATORS = {
    "inception": "InceptionV3 of torch-fidelity (inception-v3-compat), comparable with the literature",
    "classifier": "a small network trained by the workflow on the study's own dataset; works offline",
}


def evaluator_names() -> list[str]:
    """The names a protocol may give as `evaluator`."""
    return sorted(EVALUATORS)
