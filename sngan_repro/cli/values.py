"""From the text of an option to the value that a command needs. Raises ConfigError for a mistake of the user."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from sngan_repro.config.machine import MachineConfig
    from sngan_repro.config.protocol import ProtocolSpec
    from sngan_repro.config.specs import RunSpec
    from sngan_repro.study.layout import Layout
    from sngan_repro.study.study import Study

MOST_BYTES = 1 << 26
"""The largest JSON file that an option may name, 64 MiB."""


def machine_of(given: Namespace) -> MachineConfig:
    """config/config.yaml with the values that the options of STUDY replace."""
    from sngan_repro.config.machine import load_machine

    options = {name: getattr(given, name, None) for name in ("study", "set", "results_dir", "data_dir")}
    return load_machine({name: value for name, value in options.items() if value is not None})


def study_of(given: Namespace) -> tuple[Study, Layout]:
    """The study that the options of STUDY name, and its folders."""
    from sngan_repro.study.layout import Layout
    from sngan_repro.study.load import load_study

    machine = machine_of(given)
    study = load_study(machine.study, machine.set)
    return study, Layout.of(machine, study)


def study_file_of(given: Namespace) -> Path:
    """The file of that study."""
    from sngan_repro.config.machine import load_machine
    from sngan_repro.study.load import study_path

    return study_path(load_machine({"study": given.study} if given.study is not None else {}).study)


def device_of(given: Namespace) -> torch.device:
    """The device that the options of DEVICE name, with this process set up for it."""
    from sngan_repro.core import runtime

    return runtime.setup(given.device, given.threads)


def json_of(text: str, option: str, kind: type = dict) -> Any:
    """A JSON mapping, or a list, that an option gives as text or as the name of a file."""
    from sngan_repro.core.files import read_regular
    from sngan_repro.core.schema import ConfigError

    try:
        given = text.lstrip().startswith(("{", "["))
        value = json.loads(text if given else read_regular(Path(text), MOST_BYTES))
    except (ConfigError, ValueError, RecursionError) as error:
        raise ConfigError(f"{option}: neither JSON nor a JSON file: {error}") from None
    if not isinstance(value, kind):
        raise ConfigError(f"{option}: a JSON {'list' if kind is list else 'mapping'} is needed")
    return value


def run_spec_of(given: Namespace) -> RunSpec:
    """The specification of a run."""
    from sngan_repro.config.specs import RunSpec
    from sngan_repro.core.schema import parse

    return parse(RunSpec, json_of(given.spec, "--spec"), "--spec")


def protocols_of(given: Namespace) -> list[ProtocolSpec]:
    """The scoring protocols."""
    from sngan_repro.config.protocol import ProtocolSpec
    from sngan_repro.core.schema import parse

    return [parse(ProtocolSpec, value, "--protocols") for value in json_of(given.protocols, "--protocols", list)]


def evaluators_of(given: Namespace) -> dict[str, Path]:
    """Evaluator name -> folder."""
    return {name: Path(folder) for name, folder in json_of(given.evaluators, "--evaluators").items()}


def pairs_of(given: list[str], option: str) -> dict[str, Any]:
    """The KEY=VALUE of an option that may be repeated. Values are read as YAML."""
    import yaml

    from sngan_repro.core.schema import ConfigError

    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"{option}: KEY=VALUE is needed, such as {option} {text}=1; found '{text}'")
        found[key] = yaml.safe_load(value)
    return found


def others_of(run: str, given: Namespace) -> list[RunSpec]:
    """The other runs of the group of a run, by its name, that share a GPU: those of the options of TOGETHER."""
    if given.together == 1 or not given.study:
        return []
    from sngan_repro.study.load import load_study
    from sngan_repro.workflow.packs import packs

    study = load_study(given.study, json_of(given.set, "--set", list))
    groups = [{spec.name: spec for spec in pack} for pack in packs(study.trained_runs(), given.together)]
    return [spec for group in groups if run in group for name, spec in group.items() if name != run]
