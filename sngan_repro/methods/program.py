"""The declaration of a program: ``programs/<name>.yaml``, or a file given by its path. No torch here.

A study names a program among its methods, as it names a method of this package.
"""

from __future__ import annotations

import re
import shlex
import string
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from sngan_repro.config.optimizer import OptimizerSpec
from sngan_repro.config.specs import Label
from sngan_repro.core.files import file_sha256
from sngan_repro.core.paths import exists, is_file
from sngan_repro.core.schema import ConfigError, Model, nearest, parse, text_digest
from sngan_repro.core.yaml_files import read_yaml
from sngan_repro.methods.base import RESERVED
from sngan_repro.methods.program_options import OptionSpec, ProgramOptions

PROGRAMS_DIR = Path("programs")

PLACEHOLDERS = {
    "task": "JSON file with all values below and more",
    "images": "training images, .npy: uint8 (N, height, width, channels)",
    "labels": "classes of the training images, .npy: int64 (N), -1 without a class",
    "samples": "file to write the final images to, .npy: uint8 (num_samples, height, width, channels)",
    "out": "folder for all files that the program writes",
    "state": "folder that is kept if the job is interrupted, for a program that can resume",
    "num_samples": "number of images to write",
    "height": "pixels",
    "width": "pixels",
    "channels": "1 grey, 3 RGB",
    "seed": "the run's seed",
    "steps": "the budget in generator updates",
    "batch_size": "batch size of the study",
    "threads": "number of CPU threads of the job",
    "device": "cpu or cuda: the device of the job",
    "folder": "folder of the declaration",
}
"""The names that the command of every program may have in braces."""
OF_A_SETTING = {
    "lr_d": "D's learning rate",
    "lr_g": "G's learning rate",
    "beta1": "Adam's decay of the mean gradient",
    "beta2": "Adam's decay of the mean squared gradient",
    "n_dis": "D's steps per step of G",
}
"""The names that it may also have if the program runs under the study's settings."""


class Program(Model):
    """A declaration, with the properties that the methods of this package have."""

    derived = frozenset({"name", "file"})

    name: str = Field(description="as studies name it")
    file: Path = Field(description="where it is declared")
    title: Label = Field(description="name in tables and figures, and default label in paths")
    summary: str = Field(min_length=3, description="what it does, in one line, for listings and the report")
    command: str = Field(
        min_length=1, description="what to run in the repository's folder; names in braces are filled in"
    )
    equations: str = Field("", description=r"LaTeX for the report; formulas are separated by `, \qquad `")
    symbols: dict[str, str] = Field(
        {}, description="each symbol of the equations in LaTeX: its meaning; begin with `option:` for the value of one"
    )
    source: str = Field("", description="citation keys of report/references.bib, separated by commas")
    options: dict[str, OptionSpec] = Field({}, description="name -> default, or a mapping with description and limits")
    snapshots: Literal["final", "study"] = Field(
        "final", description="final: only the end; study: at the study's snapshots, samples/<updates, 8 digits>.npy"
    )
    settings: bool = Field(False, description="true: one run under each setting of the study, whose values it gets")
    files: tuple[str, ...] = Field((), description="files besides those in `command` that it depends on")
    rules: str | None = Field(None, description="Snakemake file whose rules make some of `files`")
    threads: int = Field(1, ge=1, description="CPU threads of its job")
    gpu: int = Field(0, ge=0, description="GPUs of its job, where the machine has any")
    mem_mb: int = Field(4000, ge=1, description="memory of its job on a cluster")
    minutes: int = Field(60, ge=1, description="time limit of its job on a cluster; more with every attempt")

    @field_validator("options")
    @classmethod
    def _names(cls, options: dict[str, OptionSpec]) -> dict[str, OptionSpec]:
        for name in options:
            if not re.fullmatch(r"[A-Za-z]\w*", name):
                raise ValueError(f"'{name}' is no name for an option: letters, digits and _, a letter first")
            if name in RESERVED or name in PLACEHOLDERS | OF_A_SETTING or hasattr(ProgramOptions, name):
                raise ValueError(f"an option must not be called '{name}', which has a meaning already")
        return options

    @model_validator(mode="after")
    def _command_known(self) -> Program:
        try:
            tokens = shlex.split(self.command)
            named = [name for token in tokens for _, name, _, _ in string.Formatter().parse(token) if name is not None]
        except ValueError as error:
            raise ValueError(f"`command` cannot be read: {error} (a brace is written twice: {{{{ }}}})") from None
        known = [*PLACEHOLDERS, *(OF_A_SETTING if self.settings else ()), *self.options]
        for name in named:
            if name not in known:
                hint = nearest(name, known)
                raise ValueError(f"`command` names {{{name}}}, which is not known{hint} (known: {', '.join(known)})")
        absent = [file for file in self.files if not exists(self.place(file))]
        if absent and self.rules is None:
            raise ValueError(f"`files`: {absent[0]}: no such file; give `rules` where a rule makes it")
        if self.rules is not None and not is_file(self.place(self.rules)):
            raise ValueError(f"`rules`: {self.rules}: no such file")
        try:
            parse(self.Options, {name: option.default for name, option in self.options.items()}, "options")
        except ConfigError as error:  # a default outside of its own limits
            raise ValueError(str(error)) from None
        return self

    @cached_property
    def Options(self) -> type[Model]:
        """The model of its options."""
        fields: dict[str, Any] = {name: option.field() for name, option in self.options.items()}
        return create_model("Options", __base__=ProgramOptions, **fields)

    def source_for(self, options: Any) -> str:
        """The source. It does not depend on the options."""
        del options
        return self.source

    def options_in_effect(self, options: Any) -> dict[str, Any]:
        """The options that have a value, for the report."""
        return {key: value for key, value in options.to_dict().items() if value is not None}

    def equations_for(self, options: Any) -> str:
        """The equations. They do not depend on the options."""
        del options
        return self.equations

    def symbols_for(self, options: Any) -> dict[str, str]:
        """The symbols of the equations. They do not depend on the options."""
        del options
        return self.symbols

    def check(self, options: Any, setting: OptimizerSpec) -> None:
        """Every combination of options and setting is allowed."""

    def place(self, file: str) -> Path:
        """The path of a file that the declaration names, in which {folder} is that of the declaration."""
        return Path(file.replace("{folder}", str(self.file.parent)))

    @property
    def inputs(self) -> list[str]:
        """The files whose change makes Snakemake run it again: those that the command names, and `files`."""
        named = [
            self.place(token)
            for token in shlex.split(self.command)
            if "{folder}" in token or not Path(token).is_absolute()  # an interpreter is no part of the program
        ]
        paths = [*(path for path in named if is_file(path)), *map(self.place, self.files)]
        return list(dict.fromkeys(map(str, paths)))

    @property
    def code(self) -> str:
        """A digest of the command and of the files that it names. Files that rules make are not known in advance."""
        named = [Path(file) for file in self.inputs if file not in map(str, map(self.place, self.files))]
        texts = [self.command, self.snapshots, str(self.settings)]
        return text_digest("\n".join([*texts, *(file_sha256(file) for file in named)]))

    def words(self, values: dict[str, Any]) -> list[str]:
        """The words of the command, with names replaced by values. No shell is used, so values may have spaces."""
        plain = {name: _plain(value) for name, value in values.items()}
        return [token.format_map(plain) for token in shlex.split(self.command)]


def _plain(value: Any) -> Any:
    """A value as the command gets it: true and false as in YAML, and an empty text for null."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else "" if value is None else value


def program_names() -> list[str]:
    """The names of the programs in the folder ``programs``, sorted."""
    return sorted(file.stem for file in PROGRAMS_DIR.glob("*.yaml"))


def find_program(name: str) -> Program | None:
    """The program called ``name`` in ``programs/``, or declared in the file of that path; None when there is none.

    Raises ConfigError when its declaration has a mistake.
    """
    if name.endswith((".yaml", ".yml")):
        return _read(name, Path(name))
    path = PROGRAMS_DIR / f"{name}.yaml"
    return _read(name, path) if is_file(path) else None


def _read(name: str, path: Path) -> Program:
    if not is_file(path):
        raise ConfigError(f"{path}: no such file; a method that ends in .yaml is the declaration of a program")
    facts = path.stat()
    return _parsed(name, path, facts.st_mtime_ns, facts.st_size)


@cache
def _parsed(name: str, path: Path, *version: int) -> Program:
    """The declaration in a file, parsed once per version of the file: a study looks up its programs many times."""
    del version
    values = read_yaml(path)
    for key in Program.derived & values.keys():
        raise ConfigError(f"{path}: {key}: a program is named after its file; remove this key")
    return parse(Program, {**values, "name": name, "file": path}, str(path))
