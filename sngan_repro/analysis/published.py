"""A study and published values: the compared scores, and the differences of the protocols. The Snakefile imports it."""

from __future__ import annotations

from dataclasses import dataclass

from sngan_repro.analysis.naming import fault_phrases, protocol_of
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.text import count, enumeration, integer
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.study.reference import ASPECTS, Reference
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class Difference:
    """One part of the protocol in which a study and a publication differ."""

    topic: str
    ours: str
    published: str

    def __str__(self) -> str:
        return f"{self.topic}: here {self.ours}; published: {self.published}"


def compared_metrics(study: Study, reference: Reference) -> dict[str, str]:
    """Published metric (``is``, ``fid``) -> the first headline metric of the study that is of the same kind."""
    found: dict[str, str] = {}
    for name in study.headline_metrics:
        kind = protocol_of(study, name)[0]
        if reference.best(kind):
            found.setdefault(kind, name)
    return {kind: found[kind] for kind in reference.best_values.values if kind in found}


def shared_methods(study: Study, reference: Reference) -> list[str]:
    """The methods that both have, in the order of the study."""
    return [label for label in study.labels if label in reference.methods]


def incomparable(study: Study, reference: Reference, dataset: str, metric: str) -> str:
    """The reason why a metric of the study and the published one have no common unit; empty if they have."""
    evaluator = EVALUATORS.get(protocol_of(study, metric)[1].evaluator)
    stated = reference.protocol.get("features")
    if evaluator.published_as is None or stated is None or stated.value != evaluator.published_as:
        theirs = stated.stated if stated else "features that are not stated"
        return f"they rest on other features ({evaluator.features}; published: {theirs})"
    data = reference.protocol.get("data")
    if data and data.value is not None and data.value != study.datasets[dataset].images_of:
        return f"they are of other data ({study.datasets[dataset].images_of}; published: {data.stated})"
    return ""


TOPICS = {
    "data": "data",
    "features": "feature network",
    "num_fake": "generated images",
    "splits": "splits for the IS",
    "reference_images": "real images",
    "real_row": "row of real data",
    "image_size": "image size",
    "resizing": "treatment of images",
    "training_images": "scaling of training images",
    "selection": "what is reported",
    "epochs": "length of training",
    "networks": "networks",
    "latents": "latents",
    "n_dis": "D steps per G step",
    "seeds": "seeds",
}


def differences(study: Study, reference: Reference) -> list[Difference]:
    """Each part of the protocols that differs, that the publication does not state, or that its code does otherwise."""
    ours = _ours(study, [protocol_of(study, name)[1] for name in compared_metrics(study, reference).values()])
    found = []
    for aspect in ASPECTS:
        theirs = reference.protocol.get(aspect)
        values, words = ours[aspect]
        if theirs is None or (not theirs.coded and theirs.value is not None and values == {theirs.value}):
            continue
        found.append(Difference(TOPICS[aspect], words, theirs.text))
    for name, theirs_of_setting in reference.setting_values.items():
        mine = study.settings.get(name)
        keys = ("rates", "decays")
        if mine and any(getattr(mine, key) != getattr(theirs_of_setting, key) for key in keys):
            texts = [f"rates {s.rates[0]:g} and {s.rates[1]:g}, {s.decays}" for s in
                     (mine, theirs_of_setting)]  # fmt: skip
            found.append(Difference(f"setting {name}", *texts))
    return found


def protocol_differences(study: Study, reference: Reference) -> list[str]:
    """:func:`differences` in words, one entry each."""
    return [str(difference) for difference in differences(study, reference)]


def _ours(study: Study, protocols: list[ProtocolSpec]) -> dict[str, tuple[set[object], str]]:
    """Part of the protocol -> (the study's values, the same in words)."""

    def each(values: list[object], unit: str = "") -> tuple[set[object], str]:
        distinct = list(dict.fromkeys(values))
        return set(distinct), enumeration(f"{_text(value)}{unit}" for value in distinct)

    sources = [spec.images_of for spec in study.datasets.values()]
    evaluators = [EVALUATORS.get(name) for name in dict.fromkeys(p.evaluator for p in protocols)]
    splits = {(p.is_splits, p.num_fake // p.is_splits) for p in protocols if "is" in p.metrics}
    trained = [e for e, label in zip(study.methods, study.labels, strict=True) if label not in study.programs]
    nets = [{**study.nets.to_dict(), **entry.nets} for entry in trained]
    steps = sorted({int({**s.to_dict(), **e.setting}["n_dis"]) for s in study.settings.values() for e in trained})
    budget = study.budget
    faults = list(dict.fromkeys(phrase for protocol in protocols for phrase in fault_phrases(protocol)))
    latents: set[object] = {f"{words['z_law']}, {words['z_dim']} entries" for words in nets}
    families: set[object] = {f"{words['family']} of width {words['width']}" for words in nets}
    shared = "one family for all methods: " if len(families) == 1 and len(nets) > 1 else ""
    split = each([p.reference for p in protocols])
    return {
        "data": each(list(sources)),
        "features": ({e.published_as or e for e in evaluators}, enumeration(e.features for e in evaluators)),
        "num_fake": each([p.num_fake for p in protocols], " images" if faults else " distinct images"),
        "splits": (
            {number for number, _ in splits},
            enumeration(f"{count(number, 'split')} of {integer(size)}" for number, size in sorted(splits)),
        ),
        "reference_images": (
            split[0] if all(p.num_real is None for p in protocols) else set(),
            enumeration(
                f"{count(p.num_real, 'image') if p.num_real else 'all images'} of the {p.reference} split"
                for p in {(p.num_real, p.reference): p for p in protocols}.values()
            ),
        ),
        "real_row": (split[0], "the split that is not the reference, scored as if generated"),
        "image_size": each([spec.image_size for spec in study.datasets.values()], " px"),
        "resizing": (set(), enumeration(faults) or "rounding to 8 bits and nothing else before the evaluator"),
        "training_images": (set(), "to [−1, 1] without noise"),
        "selection": (set(), "best setting per metric, last snapshot"),
        "epochs": ({budget.epochs}, f"{budget.epochs:g} epoch" + "s" * (budget.epochs != 1))
        if budget.epochs
        else (set(), count(budget.steps or 0, "update")),
        "networks": (families, shared + enumeration(sorted(map(str, families)))),
        "latents": (latents, enumeration(sorted(map(str, latents)))),
        "n_dis": (set(steps), enumeration(map(str, steps))),
        "seeds": ({len(study.seeds)}, f"{len(study.seeds)} per cell"),
    }


def _text(value: object) -> str:
    return integer(value) if isinstance(value, int) else str(value)
