"""The code of the user's own methods: checked against the plan, and copied beside the results. No torch here."""

from __future__ import annotations

import shutil

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core import plugins
from sngan_repro.core.files import write_text
from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import METHODS


def keep_code(spec: RunSpec, run: RunPaths) -> None:
    """Copy the file of the user's own method, and the files beside it that it imports, into the folder of its run.

    Raises ConfigError if the code has changed since the run was planned.
    """
    name, planned = spec.method.name, spec.method.code
    if planned is not None and (present := METHODS.code(name)) != planned:
        raise ConfigError(
            f"{METHODS.origin(name)}: the method '{name}' has changed since this run was planned (its code was "
            f"{planned} and is {present}). Run the workflow again: it trains the runs that the edit changes"
        )
    shutil.rmtree(run.code, ignore_errors=True)
    if planned is not None and (file := METHODS.origin(name).file):
        for source in plugins.sources(file):
            write_text(run.code / source.name, source.read_text(encoding="utf-8"))
