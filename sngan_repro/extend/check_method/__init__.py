"""Checks of a method on small networks and random images: can the training loop rely on it?

``sngan-repro check-method`` prints the findings of :func:`check_method`; tests assert that none has failed. An error in
the method's own code is a finding too, with the line in the method's file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from sngan_repro.extend.check_method import capturing, description, differences, losses, training
from sngan_repro.extend.check_method.case import SIZES, Case, Check, Finding

__all__ = ["SIZES", "Case", "Finding", "check_method", "findings"]

CHECKS: tuple[Check, ...] = (
    *losses.CHECKS,
    *differences.CHECKS,
    *training.CHECKS,
    *capturing.CHECKS,
    *description.CHECKS,
)
"""In this order; the first two must pass before the others make sense."""


def check_method(
    name: str,
    options: Mapping[str, Any] | None = None,
    sizes: Sequence[tuple[int, int]] = SIZES,
    device: str = "cpu",
    setting: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """The findings of all checks of a method.

    name: a registered method. options: as in a study file. sizes: (pixels, channels) of the images. device: of the
    trainings; what must be equal bit for bit is always checked on the CPU. setting: keys of a study's
    setting, for methods that allow only some. Raises ConfigError for an unknown name or a wrong option.
    """
    return list(findings(Case.of(name, options or {}, sizes, device, setting or {})))


def findings(case: Case) -> Iterator[Finding]:
    """The findings of all checks, one after another, each as soon as its check has ended."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more would only wait for each other on networks so small
    try:
        with torch.random.fork_rng():
            for number, check in enumerate(CHECKS):
                found = case.run(check)
                yield from found
                if number < 2 and any(finding.failed for finding in found):
                    left = len(CHECKS) - number - 1
                    yield Finding("the rest", "not tried", found=f"{left} further checks wait for this one")
                    break
    finally:
        torch.set_num_threads(threads)
