"""Words and numbers for the one-page summary and for the appendices."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sngan_repro.analysis.naming import metric_short
from sngan_repro.config.data_records import DatasetFile
from sngan_repro.config.specs import DatasetSpec, NetsSpec
from sngan_repro.core.text import enumeration, integer
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.report.description import span
from sngan_repro.study.study import Study

DECIDED = ("supported", "not supported")


def decided(claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of claims.csv that have a verdict for or against the claim."""
    return [row for row in claims if row["verdict"] in DECIDED]


def headline(study: Study) -> list[str]:
    """The names of the headline metrics."""
    return [metric_short(study, metric) for metric in study.headline_metrics]


def updates(runs: pd.DataFrame) -> str:
    """Planned generator updates of the trainings: ``400``, ``100 to 400``."""
    return span(runs.loc[runs["epochs"].notna(), "steps_total"])


def evaluators(study: Study) -> list[str]:
    """The evaluators with what their features are, in Markdown."""
    return [f"the evaluator `{name}` ({EVALUATORS.get(name).features})" for name in study.evaluators]


def num_fake(study: Study) -> str:
    """``600``, or the range over the protocols."""
    return span(protocol.num_fake for protocol in study.scores)


def devices(runs: pd.DataFrame) -> list[str]:
    """The devices of the runs, in the order of their first use."""
    return [str(name) for name in runs["device_name"].fillna(runs["device"]).unique()]


def initialisation(study: Study) -> str:
    """The scheme of ``nets: init`` in words, and the methods that have another one."""
    described = str(NetsSpec.model_fields["init"].description).split("; ")
    known = dict(part.split(": ", 1) for part in described if ": " in part)
    ways: dict[str, list[str]] = {}
    for run in study.trained_runs():
        labels = ways.setdefault(run.nets.init, [])
        if run.label not in labels:
            labels.append(run.label)
    texts = [f"{known.get(way, way)} (`{way}`)" for way in ways]
    if len(texts) == 1:
        return texts[0]
    return enumeration(f"{text} for {enumeration(labels)}" for text, labels in zip(texts, ways.values(), strict=True))


def preprocessing(spec: DatasetSpec, data: DatasetFile) -> str:
    """What was done with the images of a dataset: ``1797 images resampled to 16 x 16 ...; 16 × 16 pixels, grey``."""
    channels, height, width = data.image_shape
    done = data.preparation or f"images that were resampled have the size {spec.image_size} by {spec.resample}"
    return f"{done}; {integer(height)} × {integer(width)} pixels, {'grey' if channels == 1 else 'RGB'}"


def evaluator_input(name: str) -> str:
    """From pixels to the input of the evaluator's network."""
    return EVALUATORS.get(name).preprocessing
