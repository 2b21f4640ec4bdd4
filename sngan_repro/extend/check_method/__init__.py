"""Checks of a method on small networks and random images: can the training loop rely on it?

``sngan-repro check-method`` prints the findings of :func:`check_method`; tests assert that none has failed. An error in
the method's own code is a finding too, with the line in the method's file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from sngan_repro.extend.check_method import calls, differences, transfers
from sngan_repro.extend.check_method import training as loop
from sngan_repro.extend.check_method.case import SIZES, Case, Check, Finding

__all__ = ["SIZES", "Case", "Finding", "check_method", "findings"]

CHECKS: tuple[Check, ...] = (
    ("`build` gives G and D, and G is the one of all methods", calls.networks),
    ("losses, logs and gradients are as the training loop needs them", calls.losses),
    ("`batch_real_and_fake` is set only where D treats each image alone", calls.alone),
    ("the gradient of D's loss is right: finite differences agree with it", differences.gradient_of_d),
    ("a few steps stay finite, in fp32 and in bf16", loop.finite),
    ("what the method remembers is in `self.state`, changed in place", loop.state_in_place),
    ("a run that is interrupted and resumed gives the same bits", loop.resumes),
    ("no value travels between the GPU and Python in a step", transfers.no_transfers),
    ("the equations can be set in the report", calls.equations),
    ("every symbol of the equations is explained", calls.symbols),
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
                finding = case.run(check)
                yield finding
                if number < 2 and finding.failed:
                    left = len(CHECKS) - number - 1
                    yield Finding("the rest", "not tried", found=f"{left} further checks wait for this one")
                    break
    finally:
        torch.set_num_threads(threads)
