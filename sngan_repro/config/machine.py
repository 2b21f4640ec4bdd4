"""``config/config.yaml``: where things are on this machine, and which study to run. No science."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from sngan_repro.core import plugins
from sngan_repro.core.schema import DEVICE_PATTERN, ConfigError, Model, parse, read_yaml

NO_BRACES = r"^[^{}]+$"
"""Snakemake would read braces in a path as wildcards."""


class MachineConfig(Model):
    """``config/config.yaml``: where things are on this machine, and which study to run. No science."""

    study: str = Field("quick", description="a name in config/studies, or the path of a study file")
    results_dir: str = Field("results", pattern=NO_BRACES, description="one folder per study appears here")
    data_dir: str = Field(
        "data", pattern=NO_BRACES, description="downloads, prepared images, evaluators and their features"
    )
    device: str = Field("auto", pattern=DEVICE_PATTERN, description="auto | cpu | cuda | cuda:1")
    download: bool = Field(True, description="false: never use the network; all data must be staged by hand")
    inception_weights: str | None = Field(
        None, description="path of torch-fidelity's Inception weights; null: downloaded once and checked"
    )
    tensorboard: bool = Field(True, description="write TensorBoard events beside each training log")
    cuda_graphs: bool = Field(True, description="on a GPU, launch each update as one graph; false: kernel by kernel")
    checkpoint_seconds: float = Field(60.0, gt=0, description="at most so much training is lost when a job is killed")
    container: str | None = Field(
        None, pattern=NO_BRACES, description="image that jobs run in under `--sdm apptainer`; null: none"
    )
    updates_per_second: float = Field(
        20.0, gt=0, description="clusters: speed of the slowest training at n_dis 1, for time limits"
    )
    runs_per_gpu: int = Field(1, ge=1, le=64, description="trainings that share one GPU, for small networks")
    max_minutes: int | None = Field(None, ge=5, description="clusters: longest job the site allows; null: no limit")
    plugins: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="methods and more of your own: Python files, folders of them, or installed modules"
    )

    @field_validator("plugins", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def uses_gpu(self) -> bool:
        """Whether jobs on this machine ask for a GPU: only then may `resources: gpu=1` of a profile limit them."""
        return self.device.startswith("cuda") or (self.device == "auto" and shutil.which("nvidia-smi") is not None)


def load_machine(overrides: dict[str, Any] | None = None, path: Path = Path("config/config.yaml")) -> MachineConfig:
    """``config/config.yaml`` with overrides (for example from ``--config``); a missing file means defaults.

    The plugins it names are known to every registry of this process from then on. In a job they are the workflow's.
    """
    values = read_yaml(path) if path.exists() else {}
    if (handed_on := plugins.from_environment()) is not None:
        values = {**values, "plugins": handed_on}
    machine = parse(MachineConfig, {**values, **(overrides or {})}, f"{path} or --config" if overrides else str(path))
    if machine.inception_weights and not Path(machine.inception_weights).is_file():
        raise ConfigError(f"{path}: inception_weights: {machine.inception_weights}: no such file")
    plugins.choose(machine.plugins)
    return machine
