"""The JSON Schema of study files, for editors and the documentation. No torch here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sngan_repro.data.sources import SOURCES
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.methods import METHODS
from sngan_repro.nets.families import FAMILIES
from sngan_repro.study.study import Study


def study_schema() -> dict[str, Any]:
    """The JSON Schema of study files, for editors, with the names that come with the package.

    Editors complete those names and accept others, since plugins may add names.
    """
    schema = Study.model_json_schema()
    for name in Study.derived:
        del schema["properties"][name]
    schema["required"].remove("name")
    models = schema["$defs"]
    for name in ("Change", "Changed"):
        del models[name]
    for model, key, registry in (
        ("DatasetSpec", "source", SOURCES),
        ("NetsSpec", "family", FAMILIES),
        ("ProtocolSpec", "evaluator", EVALUATORS),
    ):
        models[model]["properties"][key] |= _names(registry.shipped())
    models["ProtocolSpec"]["properties"]["metrics"]["items"] |= _names(SCORES.shipped())
    entry = models["MethodEntry"]
    entry["properties"]["name"] |= _names(METHODS.shipped())
    del entry["properties"]["options"]
    # A name alone, or a mapping with the method's options beside the keys of every entry.
    mapping = {**entry, "additionalProperties": True}
    models["MethodEntry"] = {"anyOf": [*_names(METHODS.shipped())["anyOf"], mapping]}
    for model in models.values():
        for field in model.get("properties", {}).values():
            if "anyOf" in field and field.get("type") == "string":
                del field["type"]
    return schema


def _names(shipped: Iterable[str]) -> dict[str, Any]:
    return {"anyOf": [{"enum": list(shipped)}, {"type": "string"}]}
