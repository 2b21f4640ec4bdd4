"""``config/config.yaml``: the folders and devices of this machine, and the study to run. No result depends on it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from sngan_repro.core import plugins
from sngan_repro.core.paths import expanded, is_file
from sngan_repro.core.schema import DEVICE_PATTERN, ConfigError, Model, parse
from sngan_repro.core.yaml_files import read_yaml

NO_BRACES = r"^[^{}]+$"
"""Snakemake reads braces in a path as wildcards."""
MAX_PATH = 1000
"""Bytes of a path in the configuration."""


class MachineConfig(Model):
    """``config/config.yaml``: folders and devices of this machine, and the study to run. No result depends on it."""

    study: str = Field("quick", description="a name in config/studies, or the path of a study file")
    set: tuple[str, ...] = Field(
        (), description="on the command line only: KEY=VALUE texts that replace keys of the study"
    )
    results_dir: str = Field(
        "results", pattern=NO_BRACES, description="one folder per study, and `runs`, which they share"
    )
    data_dir: str = Field(
        "data", pattern=NO_BRACES, description="downloads, prepared images, evaluators and their features"
    )
    device: str = Field("auto", pattern=DEVICE_PATTERN, description="auto | cpu | cuda | cuda:1")
    download: bool = Field(True, description="false: never use the network; put all data in place yourself")
    inception_weights: str | None = Field(
        None, description="path of torch-fidelity's Inception weights; null: downloaded once and checked"
    )
    tensorboard: bool = Field(True, description="write TensorBoard events beside each training log")
    cuda_graphs: bool = Field(True, description="on a GPU, run each update as one CUDA graph")
    compile: Literal["auto", "always", "never"] = Field(
        "auto",
        description="compile G and D with torch.compile; auto: on a GPU, for long runs, with a C compiler",
    )
    stream_images: bool | None = Field(
        None, description="true: stream training images from disk; false: keep all on the device; null: if large"
    )
    checkpoint_seconds: float = Field(60.0, gt=0, le=1e6, description="seconds between two saved states of a training")
    container: str | None = Field(
        None, pattern=NO_BRACES, description="with `--sdm apptainer`: path or address of the image for jobs; null: none"
    )
    updates_per_second: float = Field(
        20.0, ge=1e-3, le=1e6, description="clusters: speed of the slowest training at n_dis 1, for time limits"
    )
    runs_per_gpu: int = Field(
        1,
        ge=1,
        le=64,
        description="runs that share one GPU or a scoring job, for small networks",
    )
    max_minutes: int | None = Field(
        None, ge=5, le=1_000_000, description="clusters: longest job the site allows; null: no limit"
    )
    plugins: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="the user's own methods, sources, scores: Python files, folders of them, or installed modules"
    )

    @field_validator("study", mode="before")
    @classmethod
    def _study_is_a_name(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value  # a study called 2024

    @field_validator("set", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        """The texts, of a list or of one text: ``budget.steps=50 seeds=[0,1]``."""
        if isinstance(value, dict) and len(value) == 1:  # Snakemake reads `budget={epochs: 3}` as YAML
            ((key, rest),) = value.items()
            value = f"{key}: {rest}"
        return split_changes(value) if isinstance(value, str) else value

    @field_validator("study", "results_dir", "data_dir", "inception_weights", "container")
    @classmethod
    def _path_usable(cls, value: str | None) -> str | None:
        """A path without what the shell or Snakemake would read in another way; ``~`` is the home folder."""
        if value is None:
            return None
        if not value.strip() or value != value.strip() or value.startswith("-"):
            raise ValueError("a name must not be empty, begin with - or a blank, or end with a blank")
        if any(not c.isprintable() for c in value):
            raise ValueError("a name must not contain control characters")
        if len(value.encode("utf-8", "surrogateescape")) > MAX_PATH:
            raise ValueError(f"a path has at most {MAX_PATH:,} bytes")
        return str(expanded(value)) if value.startswith("~") else value

    @field_validator("results_dir", "data_dir")
    @classmethod
    def _is_folder(cls, value: str) -> str:
        """The folder, or the nearest existing one above it, is a folder and no file."""
        for folder in (Path(value), *Path(value).parents):
            try:
                if folder.is_dir():
                    return value
                if folder.exists() or folder.is_symlink():
                    raise ValueError(f"{folder} is no folder")
            except OSError as error:
                raise ValueError(f"{folder}: {error.strerror}") from None
        return value

    @field_validator("plugins", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def uses_gpu(self) -> bool:
        """True if jobs on this machine need a GPU; only then does `resources: gpu=1` of a profile limit them."""
        return self.device.startswith("cuda") or (self.device == "auto" and shutil.which("nvidia-smi") is not None)


def split_changes(text: str) -> list[str]:
    """The changes in one text, ``budget.steps=50 seeds=[0,1]``: a blank before a word and ``=`` ends a change."""
    return re.split(r"\s+(?=[\w.+-]+=)", text.strip())


def join_changes(changes: Sequence[str]) -> str:
    """The value of ``--config set=...`` that Snakemake reads as these changes: one text, or a JSON list of texts."""
    text = " ".join(changes)
    plain = split_changes(text) == list(changes) and text == text.strip("'\"") and ": " not in text
    return text if plain else json.dumps(list(changes), ensure_ascii=False)


def load_machine(overrides: dict[str, Any] | None = None, path: Path = Path("config/config.yaml")) -> MachineConfig:
    """``config/config.yaml`` with overrides (for example from ``--config``); without the file, the defaults.

    Every registry of this process then finds the plugins that it names. A job uses the plugins of the workflow.
    """
    values = read_yaml(path) if path.exists() else {}
    if (exported := plugins.from_environment()) is not None:
        values = {**values, "plugins": exported}
    if "set" in values:
        raise ConfigError(f"{path}: set: changes of a study belong to one command; give them there, as set=KEY=VALUE")
    machine = parse(MachineConfig, {**values, **(overrides or {})}, f"{path} or --config" if overrides else str(path))
    if machine.inception_weights and not is_file(machine.inception_weights):
        raise ConfigError(f"{path}: inception_weights: {machine.inception_weights}: no such file")
    plugins.choose(machine.plugins)
    return machine
