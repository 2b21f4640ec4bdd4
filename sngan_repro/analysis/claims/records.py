"""The records of a study's trainings: logs, spectra of D's weights, measured times. NotRun names what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sngan_repro.analysis.claims.cells import Cell
from sngan_repro.analysis.claims.verdict import NotRun
from sngan_repro.core.text import enumeration
from sngan_repro.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from sngan_repro.analysis.summary import Results


@dataclass
class Records:
    """What the runs of one study on one of its datasets wrote beside their scores."""

    study: Study
    dataset: str
    results: Results
    read_log: Callable[[str], pd.DataFrame] | None = None
    """run folder (as in runs.csv) -> its training log"""
    read_spectra: Callable[[str], pd.DataFrame | None] | None = None
    """run folder -> the singular values of D's weights at the end; None where they were not recorded"""
    read_gallery: Callable[[str], dict[str, Any] | None] | None = None
    """run folder -> the record of its gallery; None where the study has none"""
    times: pd.DataFrame | None = None
    """Seconds of generator updates, measured alone on the device: label, image_size, repeat, seconds; None without."""
    _logs: dict[str, pd.DataFrame] = field(default_factory=dict)

    def need_methods(self, labels: Iterable[str]) -> None:
        """NotRun unless the study has all these methods."""
        missing = [label for label in labels if label not in self.study.labels]
        if missing:
            raise NotRun(f"needs {'the method' if len(missing) == 1 else 'the methods'} {enumeration(missing)}")

    def need_settings(self, settings: Iterable[str]) -> None:
        """NotRun unless the study has all these settings."""
        missing = [name for name in settings if name not in self.study.settings]
        if missing:
            raise NotRun(f"needs {'the setting' if len(missing) == 1 else 'the settings'} {enumeration(missing)}")

    def _finished_runs(self, label: str, setting: str) -> dict[int, tuple[str, str]]:
        """seed -> (run, its folder) of the finished runs of a trained method; NotRun when there is none."""
        self.need_methods([label])
        self.need_settings([setting])
        if label in self.study.programs:
            raise NotRun(f"needs a training log, and {label} is a program, which has none")
        runs = self.results.runs
        mine = runs[(runs["dataset"] == self.dataset) & (runs["label"] == label) & (runs["setting"] == setting)]
        found = {
            int(run["seed"]): (f"{self.dataset}/{label}/{setting}/seed{int(run['seed'])}", str(run["folder"]))
            for _, run in mine[mine["state"] == "ok"].iterrows()
        }
        if not found:
            raise NotRun(f"no run of {label} at {setting} finished")
        return found

    def logs(self, label: str, setting: str) -> dict[int, tuple[str, pd.DataFrame]]:
        """seed -> (run, training log) of the finished runs; NotRun when there is none."""
        runs = self._finished_runs(label, setting)
        assert self.read_log is not None
        for _, folder in runs.values():
            if folder not in self._logs:
                self._logs[folder] = self.read_log(folder)
        return {seed: (run, self._logs[folder]) for seed, (run, folder) in runs.items()}

    def measured(self, name: str, label: str, setting: str, function: Callable[[pd.DataFrame], float]) -> Cell:
        """A quantity of the training log of every finished run of a cell."""
        logs = self.logs(label, setting)
        values = {seed: function(log) for seed, (_, log) in logs.items()}
        missing = tuple(seed for seed in self.study.seeds if seed not in values)
        return Cell(name, values, missing, frozenset(run for run, _ in logs.values()))

    def effective_ranks(self, label: str, setting: str) -> list[Cell]:
        """The effective rank of the weight of each layer of D at the end, in the order of the layers."""
        runs = self._finished_runs(label, setting)
        ranks: dict[str, dict[int, float]] = {}
        for seed, (_, folder) in runs.items():
            spectra = self.read_spectra(folder) if self.read_spectra else None
            if spectra is None:
                raise NotRun(f"needs the singular values of D's weights of {label} at {setting}")
            for layer, rank in spectra.groupby("layer", sort=False)["effective_rank"].first().items():
                ranks.setdefault(str(layer), {})[seed] = float(rank)
        missing = tuple(seed for seed in self.study.seeds if seed not in runs)
        names = frozenset(run for run, _ in runs.values())
        return [Cell(f"{layer} of {label} at {setting}", values, missing, names) for layer, values in ranks.items()]

    def gallery(self, name: str, label: str, setting: str, key: str) -> Cell:
        """A number of the gallery's record of every finished run of a cell; NotRun where there is none."""
        runs = self._finished_runs(label, setting)
        values = {}
        for seed, (_, folder) in runs.items():
            record = self.read_gallery(folder) if self.read_gallery else None
            if record is None or record[key] is None:
                raise NotRun(f"needs the interpolations of {label} at {setting}: set `gallery` in the study")
            values[seed] = float(record[key])
        missing = tuple(seed for seed in self.study.seeds if seed not in values)
        return Cell(name, values, missing, frozenset(run for run, _ in runs.values()))

    def seconds(self, label: str, image_size: int) -> Cell:
        """The times of generator updates of a method at an image size, one value per repeat of the measurement."""
        needed = f"needs the times of {label} at {image_size} px: set `benchmark` in the study"
        if self.times is None:
            raise NotRun(needed)
        mine = self.times[(self.times["label"] == label) & (self.times["image_size"] == image_size)]
        if mine.empty:
            raise NotRun(needed)
        return Cell(label, dict(zip(mine["repeat"].astype(int), mine["seconds"].astype(float), strict=True)))
