"""Display names of metrics. The Snakefile imports this module, so it has no heavy imports."""

from __future__ import annotations

from collections.abc import Iterable

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.scores import SCORES
from sngan_repro.study.study import Study

REAL = "Real data"
"""The label of the rows that score real images."""


def title_of(metric: str) -> str:
    """The name of a kind of metric in tables and figures: ``FID``."""
    return SCORES.get(metric).title


def protocol_of(study: Study, name: str) -> tuple[str, ProtocolSpec]:
    """(metric such as ``fid``, its protocol) of a full metric name; KeyError when the study has no such metric."""
    for protocol in study.scores:
        for metric, full in metric_names(protocol).items():
            if full == name:
                return metric, protocol
    raise KeyError(name)


def kinds_of(study: Study, names: Iterable[str]) -> list[tuple[str, str]]:
    """(``fid``, full name) of each metric."""
    return [(protocol_of(study, name)[0], name) for name in names]


def higher_is_better(study: Study, name: str) -> bool:
    """True if larger values of the metric with the full name ``name`` are better."""
    return SCORES.get(protocol_of(study, name)[0]).higher_is_better


def arrow(study: Study, name: str) -> str:
    """↑ if larger is better, ↓ if smaller is."""
    return "↑" if higher_is_better(study, name) else "↓"


def metric_label(study: Study, name: str) -> str:
    """The metric with all parts of its protocol: ``FID (600 generated, train reference, classifier)``."""
    metric, protocol = protocol_of(study, name)
    parts = [f"{protocol.num_fake} generated"]
    score = SCORES.get(metric)
    if score.uses_real_images:
        real = f"{protocol.num_real} {protocol.reference}" if protocol.num_real else protocol.reference
        parts.append(f"{real} reference")
    if part := score.label_part(protocol):
        parts.append(part)
    if protocol.batch_norm == "batch":
        parts.append("batch statistics")
    if protocol.seed:
        parts.append(f"sampling seed {protocol.seed}")
    parts += fault_phrases(protocol)
    return f"{title_of(metric)} ({', '.join([*parts, protocol.evaluator])})"


def metric_short(study: Study, name: str) -> str:
    """``FID`` if the study has one FID, else with the parts in which they differ: ``FID (inception, 5000)``."""
    metric, protocol = protocol_of(study, name)
    same_kind = [other for other in study.scores if metric in other.metrics]
    shown: list[str] = []
    keys_in_order = (
        "evaluator",
        "num_fake",
        "reference",
        "num_real",
        "batch_norm",
        "is_splits",
        "kid_subset_size",
        "seed",
    )
    for key in (*keys_in_order, *ProtocolSpec.FAULTS):
        if len({_values(other, shown) for other in same_kind}) == len(same_kind):
            break
        if len({getattr(other, key) for other in same_kind}) > 1:
            shown.append(key)
    else:
        if len({_values(other, shown) for other in same_kind}) < len(same_kind):
            return metric_label(study, name)
    keys = [key for key in shown if key not in ProtocolSpec.FAULTS]
    words = [str(value) if value is not None else "all" for value in _values(protocol, keys)]
    words += fault_words(protocol)  # always given, even if the other parts are enough
    return title_of(metric) + (f" ({', '.join(words)})" if words else "")


def _values(protocol: ProtocolSpec, keys: Iterable[str]) -> tuple[object, ...]:
    return tuple(getattr(protocol, key) for key in keys)


def fault_words(protocol: ProtocolSpec) -> list[str]:
    """The faults of a protocol in short: ``50 distinct``, ``stretched``, ``via 28 px``."""
    words = [f"{protocol.fault_distinct} distinct"] if protocol.fault_distinct else []
    words += ["stretched"] if protocol.fault_contrast_stretch else []
    return words + ([f"via {protocol.fault_detour} px"] if protocol.fault_detour else [])


def fault_phrases(protocol: ProtocolSpec) -> list[str]:
    """The faults of a protocol in full: ``the contrast of each image stretched``."""
    phrases = []
    if protocol.fault_distinct:
        rounds = protocol.num_fake // protocol.fault_distinct
        phrases.append(f"only {protocol.fault_distinct} distinct images {rounds} times each")
    if protocol.fault_contrast_stretch:
        phrases.append("the contrast of each image stretched")
    if protocol.fault_detour:
        phrases.append(f"a detour over {protocol.fault_detour} px")
    return phrases


def metric_header(study: Study, name: str) -> str:
    """:func:`metric_short` with the direction that is better."""
    return f"{metric_short(study, name)} {arrow(study, name)}"


def primary_metric(study: Study) -> str:
    """The metric that chooses the setting of a method if only one is shown: the first headline FID, else the first."""
    headline = study.headline_metrics
    return next((name for name in headline if protocol_of(study, name)[0] == "fid"), headline[0])


def duration(seconds: float) -> str:
    """``42 s``, ``3.5 min``, ``2.1 h``."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
