"""Sentences of the report about the networks of a study: options of their family, class labels, the batch size of G."""

from __future__ import annotations

from typing import Any

from sngan_repro.core.text import enumeration
from sngan_repro.study.study import Study

CONDITIONS = {
    "projection": "as a projection of its features on a vector per class [@miyato2018projection]",
    "concat_hidden": "as an embedding beside an inner map",
    "concat_input": "as a map per class beside the image",
    "ac": "as the target of a second output [@odena2017]",
    "k_plus_1": "only in its loss, as one of K + 1 classes [@salimans2016]",
}
"""NetsSpec.condition_d -> how D gets the label."""
LABEL_LAWS = {
    "balanced": "Labels of generated images are drawn with equal probabilities",
    "data": "Labels of generated images are drawn with the shares of the training images",
}


def networks_text(study: Study) -> str:
    """Sentences about what differs from the plain networks; empty if nothing does. Markdown with citations."""
    sentences = []
    if study.nets.options:
        sentences.append(f"Their options: {written(study.nets.options)}.")
    if study.training.batch_size_g is not None:
        sentences.append(f"The generator's steps use {study.training.batch_size_g} images.")
    ways: dict[str, list[str]] = {}
    for run in study.trained_runs():
        if run.nets.conditional and run.label not in (labels := ways.setdefault(run.nets.condition_d, [])):
            labels.append(run.label)
    if ways:
        of = [f"{CONDITIONS[way]} ({enumeration(labels)})" for way, labels in ways.items()]
        law = study.nets.label_law if study.nets.conditional else "balanced"
        beside = any(run.nets.options.get("condition_g") == "concat" for run in study.trained_runs())
        of_g = "an embedding beside the latent vector" if beside else "a gain and a shift per class in its batch norms"
        sentences.append(
            f"The generator gets class labels as {of_g}, and the discriminator {enumeration(of)}. {LABEL_LAWS[law]}."
        )
    return " ".join(sentences)


def written(options: dict[str, Any]) -> str:
    """Options as they are written in a study file: ```dense_bias: true` and `pool: sum```."""
    texts = [f"{key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in options.items()]
    return enumeration(f"`{text}`" for text in texts)


def flat(nets: dict[str, Any]) -> dict[str, Any]:
    """The keys of ``nets`` of an entry, with the options of the family in place of ``options``."""
    return {key: value for key, value in nets.items() if key != "options"} | nets.get("options", {})
