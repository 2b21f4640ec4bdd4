"""The runs of a study, as the rules of Snakemake see them: by their names among the runs of all studies."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sngan_repro.config.specs import RunSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.study import Study
from sngan_repro.workflow.packs import packs


class PlannedRuns:
    """Name -> specification of the runs of a study. Two cells of a study may be one run."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.specs: dict[str, RunSpec] = {run.name: run for run in study.runs()}
        self.programs = {run.name: run.label for run in study.runs() if run.label in study.programs}
        """Name -> label, of the runs of programs."""
        self._titles: dict[str, list[str]] = {}
        for run in study.runs():
            words = f"{run.label}, setting {run.setting}, seed {run.seed} on {run.dataset}"
            self._titles.setdefault(run.name, []).append(words)

    def __format__(self, name: str) -> str:
        """The names that the study gives a run: ``{RUNS:{wildcards.run}}`` in the message of a rule.

        It is no parameter of a rule: another study may name the run otherwise, and that is no reason to train it again.
        """
        return ", the same as ".join(self._titles.get(name, [name]))

    def __getitem__(self, name: str) -> RunSpec:
        """The specification of a run. Raises ConfigError for a run that the study does not have."""
        if name not in self.specs:
            raise ConfigError(f"no run '{name}' in study '{self.study.name}'; `sngan-repro check` lists the runs")
        return self.specs[name]

    @property
    def of_programs(self) -> str:
        """A regular expression that matches the names of the runs of programs, for a constraint of a wildcard."""
        return one_of(self.programs)

    @property
    def trained(self) -> str:
        """A regular expression that matches the names of all other runs."""
        return f"(?!(?:{self.of_programs})/)[^/]+" if self.programs else "[^/]+"

    def groups(self, size: int) -> dict[str, str]:
        """Run -> name of the group of up to ``size`` trainings that share a GPU, which is one job of a cluster."""
        found = packs(self.study.trained_runs(), size)
        return {run.name: f"together{number}" for number, pack in enumerate(found) for run in pack}


def one_of(names: Iterable[str]) -> str:
    """A regular expression that matches exactly these names."""
    return "|".join(map(re.escape, names)) or "(?!)"
