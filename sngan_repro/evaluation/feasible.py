"""Checks that a dataset has the images and labels that a study's protocols need. No torch and no numpy here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.record import read_prepared
from sngan_repro.evaluation.evaluators import EVALUATORS, untrained
from sngan_repro.evaluation.scores import SCORES


def infeasible(metric: str, protocol: ProtocolSpec, num_fake: int, num_real: int) -> str | None:
    """The reason why so many images are too few for a metric, with the key to change; None if they are enough."""
    return SCORES.get(metric).infeasible(protocol, num_fake, num_real)


def check_protocols(
    dataset: str, protocols: Sequence[ProtocolSpec], num_train: int | None, num_test: int | None, labelled: bool
) -> None:
    """Raise ConfigError if a protocol needs more real images than a dataset has, or labels that it does not have.

    num_train, num_test: images of each split; None if the number is not known yet. Such a split is not checked.
    """
    for index, protocol in enumerate(protocols):
        where = f"scores.{index}: dataset '{dataset}'"
        if EVALUATORS.get(protocol.evaluator).trained and not labelled:
            raise ConfigError(
                f"{where} has no classes to train the evaluator '{protocol.evaluator}' on; use {untrained()}, "
                "or put the images into one folder per class"
            )
        available = {"train": num_train, "test": num_test}[protocol.reference]
        if available is None:
            continue
        if protocol.num_real is not None and protocol.num_real > available:
            raise ConfigError(
                f"{where}: `num_real` {protocol.num_real} exceeds the {available} images "
                f"of the {protocol.reference} split"
            )
        for metric in protocol.metrics:
            if reason := infeasible(metric, protocol, protocol.num_fake, protocol.num_real or available):
                raise ConfigError(f"{where}: {reason} (reference: {protocol.reference})")


def check_prepared(dataset: str, folder: Path, protocols: Sequence[ProtocolSpec]) -> bool:
    """:func:`check_protocols` for the prepared images in a folder. False if nothing is prepared there yet."""
    if (found := read_prepared(folder)) is None:
        return False
    check_protocols(dataset, protocols, found["num_train"], found["num_test"], found["classes"] is not None)
    return True
