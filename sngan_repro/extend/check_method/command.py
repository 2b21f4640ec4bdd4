"""``sngan-repro check-method``: the findings in a terminal, and the time of an update."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from sngan_repro.config.specs import NetsSpec
from sngan_repro.core import plugins, runtime
from sngan_repro.core.schema import ConfigError
from sngan_repro.extend.check_method import SIZES, check_method
from sngan_repro.extend.check_method.case import Case
from sngan_repro.methods import METHODS
from sngan_repro.training.benchmark import round_timer, update_function

NETS = NetsSpec(width=16, z_dim=32)
SIZE, BATCH, ROUNDS, ROUND_SECONDS = 32, 32, 7, 0.3


def run(
    name: str,
    options: Mapping[str, Any],
    setting: Mapping[str, Any],
    sizes: Sequence[tuple[int, int]] | None,
    device: torch.device,
    measure: bool,
) -> bool:
    """Check one method, or all methods of a file, and print the findings. Returns True if nothing failed.

    Raises ConfigError for an unknown name, a file without methods, and options that do not suit.
    """
    good = True
    for one in _names(name):
        method = METHODS.get(one)
        print(f"{one}: {method.title}, {METHODS.origin(one)}")
        findings = check_method(one, options, sizes or SIZES, str(device), setting)
        for finding in findings:
            print(finding)
        failed = sum(finding.failed for finding in findings)
        good = good and not failed
        if failed:
            print(f"{failed} {'thing' if failed == 1 else 'things'} to mend")
        else:
            print(f"all {len(findings)} checks passed")
            if measure:
                print(measured(one, options, setting, device))
    return good


def _names(name: str) -> list[str]:
    """The methods meant: one by its name, or all that a file registers."""
    path = Path(name)
    if not (name.endswith(".py") or path.is_file()):
        return [name]
    if not path.is_file():
        raise ConfigError(f"{name}: no such file")
    plugins.load(path)
    found = [other for other in METHODS.names() if METHODS.origin(other).file == path.resolve()]
    if not found:
        raise ConfigError(
            f'{plugins.shown(path)}: no method in it; `@METHODS.register("name")` above a class makes it one'
        )
    return found


def measured(name: str, options: Mapping[str, Any], setting: Mapping[str, Any], device: torch.device) -> str:
    """The time of an update beside SNGAN's, taken in turns so that a busy machine slows both."""
    timers = []
    for case in (Case.of(name, options, SIZES, "cpu", setting), Case.of("sngan", {}, SIZES, "cpu", setting)):
        timers.append(
            round_timer(update_function(case.spec(SIZE, NETS, batch_size=BATCH), device), device, ROUND_SECONDS)
        )
    rounds = [[seconds() for seconds in timers] for _ in range(ROUNDS)]
    own, reference = (1000 * statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    where = f"{SIZE} px, width {NETS.width}, batch {BATCH}, on {runtime.device_info(device)['name']}"
    return f"an update takes {own:.3g} ms, {ratio:.2f} times SNGAN's {reference:.3g} ms ({where})"
