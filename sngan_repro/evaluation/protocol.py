"""Names of a protocol's scores, and the check that a protocol can be computed. No torch here."""

from __future__ import annotations

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.scores import SCORES


def metric_name(protocol: ProtocolSpec, metric: str) -> str:
    """The column name, for example ``fid6k_train@inception``, ``is6k@inception``, ``kid5k_test10k@classifier``.

    Keys with other than their default values are part of the name. ``is600s1`` has 1 split. ``_bnbatch``: batch norm
    with the statistics of the batch. ``_50x120``: 50 distinct images, each 120 times. ``_stretched``, ``_via28``: the
    other faults.
    """
    score = SCORES.get(metric)
    name = f"{metric}{_thousands(protocol.num_fake)}"
    if score.uses_real_images:
        name += f"_{protocol.reference}" + (_thousands(protocol.num_real) if protocol.num_real else "")
    name += score.name_part(protocol)
    if protocol.batch_norm == "batch":
        name += "_bnbatch"
    if protocol.seed:
        name += f"_seed{protocol.seed}"
    if protocol.fault_distinct:
        name += f"_{protocol.fault_distinct}x{protocol.num_fake // protocol.fault_distinct}"
    if protocol.fault_contrast_stretch:
        name += "_stretched"
    if protocol.fault_detour:
        name += f"_via{protocol.fault_detour}"
    return f"{name}@{protocol.evaluator}"


def metric_names(protocol: ProtocolSpec) -> dict[str, str]:
    """metric -> full name, for every metric of the protocol."""
    return {metric: metric_name(protocol, metric) for metric in protocol.metrics}


def check_protocol(protocol: ProtocolSpec) -> None:
    """Raise ConfigError for an unknown evaluator or score, and for a score that the protocol does not allow."""
    evaluator = EVALUATORS.get(protocol.evaluator)
    scores = {metric: SCORES.get(metric) for metric in protocol.metrics}
    meaningless = [metric for metric, score in scores.items() if score.needs_classes]
    if meaningless and not evaluator.has_classes:
        raise ConfigError(
            f"the evaluator '{protocol.evaluator}' has no classes, without which {' and '.join(meaningless)} mean "
            "nothing; list the other scores in `metrics`"
        )
    for score in scores.values():
        if reason := score.infeasible(protocol, protocol.num_fake, protocol.num_real or protocol.num_fake):
            raise ConfigError(reason)


def _thousands(number: int) -> str:
    return f"{number // 1000}k" if number >= 1000 and number % 1000 == 0 else str(number)
