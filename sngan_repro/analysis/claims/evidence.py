"""The data of a criterion: scores, training logs, published values. If data are missing, NotRun names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from sngan_repro.analysis.claims.cells import Cell
from sngan_repro.analysis.claims.verdict import NotRun
from sngan_repro.analysis.naming import higher_is_better, metric_short, protocol_of
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.text import enumeration
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from sngan_repro.analysis.summary import Results
    from sngan_repro.study.reference import Reference


@dataclass
class Evidence:
    """The results of one study on one of its datasets."""

    study: Study
    dataset: str
    results: Results
    reference: Reference | None = None
    read_log: Callable[[str], pd.DataFrame] | None = None
    """run folder (as in runs.csv) -> its training log"""
    _logs: dict[str, pd.DataFrame] = field(default_factory=dict)

    # What there is -----------------------------------------------------------------------------------------------

    @property
    def labels(self) -> list[str]:
        """The methods that a claim about all methods means: those trained here. Programs count where they are named."""
        return self.study.trained_labels

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

    def others(self, label: str, among: Iterable[str] | None = None) -> list[str]:
        """All other methods that the claim is about; NotRun when one is missing, or when there is none."""
        if among is not None:
            self.need_methods(among)
        labels = [other for other in (among or self.labels) if other != label]
        self.need_methods([label])
        if not labels:
            raise NotRun("needs other methods to compare with")
        return labels

    def metric(self, kind: str) -> str:
        """The full name of the study's main metric of a kind (``is``, ``fid``), scored without faults."""
        names = [*self.study.headline_metrics, *self.study.metric_names]
        for name in names:
            found, protocol = protocol_of(self.study, name)
            if found == kind and protocol.is_clean:
                return name
        raise NotRun(f"needs a protocol with the metric `{kind}`")

    def faulty(self, kind: str, faults: dict[str, object]) -> str:
        """The metric scored like :meth:`metric` but with exactly these faults."""
        _, clean = protocol_of(self.study, self.metric(kind))
        for protocol in self.study.scores:
            clean_form = protocol.without_faults.model_copy(update={"metrics": clean.metrics})
            if kind in protocol.metrics and clean_form == clean and protocol.faults == faults:
                return metric_names(protocol)[kind]
        text = ", ".join(f"{key}: {str(value).lower()}" for key, value in faults.items())
        raise NotRun(f"needs the protocol of {metric_short(self.study, self.metric(kind))} once more with `{text}`")

    def sign(self, metric: str) -> int:
        """1 if larger is better, else -1: a value times this is better when larger."""
        return 1 if higher_is_better(self.study, metric) else -1

    def unit(self, metric: str) -> str:
        """The short name of the metric, the unit of its differences."""
        return metric_short(self.study, metric)

    # Scores ------------------------------------------------------------------------------------------------------

    @cached_property
    def _cells(self) -> dict[tuple[str, str, str], dict[int, tuple[str, list[float]]]]:
        """(label, setting, metric) -> seed -> (state of the run, its scores in the order of training)."""
        scores = self.results.scores
        mine = scores[(scores["dataset"] == self.dataset) & (scores["state"] != "real")].sort_values("steps")
        columns = (mine[name] for name in ("label", "setting", "metric", "seed", "state", "value"))
        found: dict[tuple[str, str, str], dict[int, tuple[str, list[float]]]] = {}
        for label, setting, metric, seed, state, value in zip(*columns, strict=True):
            cell = found.setdefault((label, setting, metric), {})
            cell.setdefault(int(seed), (state, []))[1].append(float(value))
        return found

    @cached_property
    def snapshots(self) -> list[float]:
        """The epochs of the snapshots of finished runs; NotRun when none finished or runs have not equally many.

        Runs with other n_dis have other updates at the same epochs, so snapshots are known by their place.
        """
        runs, scores = self.results.runs, self.results.scores
        runs, scores = (frame[frame["label"].isin(self.labels)] for frame in (runs, scores))
        finished = runs[(runs["dataset"] == self.dataset) & (runs["state"] == "ok")]
        if finished.empty:
            raise NotRun("no run finished")
        mine = scores[(scores["dataset"] == self.dataset) & (scores["state"] == "ok")]
        if mine.groupby(["label", "setting", "seed"])["steps"].nunique().nunique() != 1:
            raise NotRun("needs equally many snapshots in all runs")
        run = finished.iloc[0]
        of_run = (mine["label"] == run["label"]) & (mine["setting"] == run["setting"]) & (mine["seed"] == run["seed"])
        per_update = float(run["epochs"]) / float(run["steps_done"])
        return [per_update * float(steps) for steps in sorted(set(mine.loc[of_run, "steps"]))]

    def score(self, label: str, setting: str, metric: str, snapshot: int = -1) -> Cell:
        """Scores of finished runs at a snapshot, numbered like a list: 0 is the first, -1 the last.

        A program without settings scores the same at each of them.
        """
        self.need_methods([label])
        if (own := self.study.settings_of(label)) == [OWN_SETTING]:
            setting = own[0]
        else:
            self.need_settings([setting])
        cell = sorted(self._cells[label, setting, metric].items())
        last = {seed: scores[snapshot] for seed, (state, scores) in cell if state == "ok"}
        values = {seed: value for seed, value in last.items() if value == value}  # NaN: it could not be scored
        diverged = tuple(seed for seed, (state, _) in cell if state == "diverged")
        runs = frozenset(f"{self.dataset}/{label}/{setting}/seed{seed}" for seed, _ in cell)
        name = f"{label} at {setting}" if len(self.study.settings) > 1 and setting != OWN_SETTING else label
        return Cell(name, values, diverged, runs)

    def gain(self, label: str, setting: str, metric: str, snapshot: int = -1) -> Cell:
        """Scores with the sign that makes larger better."""
        sign = self.sign(metric)
        return self.score(label, setting, metric, snapshot).map(lambda value: sign * value)

    def tuned(self, label: str, metric: str) -> Cell:
        """The score of a method whose setting is chosen on the other seeds: no seed helps to choose its own setting.

        Settings with fewer diverged runs come first, then the better mean, as everywhere in this package. A seed that
        diverged at the setting chosen for it counts as diverged.
        """
        sign, cells = self.sign(metric), [self.score(label, s, metric) for s in self.study.settings_of(label)]
        runs = frozenset().union(*(cell.runs for cell in cells))
        if len(cells) == 1:
            return Cell(label, cells[0].values, cells[0].diverged, runs)
        if len(self.study.seeds) < 2:
            raise NotRun("needs two seeds: a method's best setting is chosen on the other seeds")

        def merit(cell: Cell, left_out: int) -> tuple[int, float]:
            kept = [value for seed, value in cell.values.items() if seed != left_out]
            return len(kept), sign * sum(kept) / len(kept) if kept else float("-inf")

        values, diverged = {}, []
        for seed in self.study.seeds:
            chosen = max(cells, key=lambda cell: merit(cell, seed))
            if seed in chosen.values:
                values[seed] = chosen.values[seed]
            else:
                diverged.append(seed)
        return Cell(f"{label} (tuned)", values, tuple(diverged), runs)

    def tuned_gain(self, label: str, metric: str) -> Cell:
        """:meth:`tuned` with the sign that makes larger better."""
        sign = self.sign(metric)
        return self.tuned(label, metric).map(lambda value: sign * value)

    def real(self, metric: str) -> float:
        """The score of real images; NotRun when it could not be computed."""
        scores = self.results.scores
        rows = scores[(scores["dataset"] == self.dataset) & (scores["state"] == "real") & (scores["metric"] == metric)]
        if rows["value"].notna().sum() != 1:
            raise NotRun(f"real images have no {metric_short(self.study, metric)}")
        return float(rows["value"].iloc[0])

    # Logs --------------------------------------------------------------------------------------------------------

    def logs(self, label: str, setting: str) -> dict[int, tuple[str, pd.DataFrame]]:
        """seed -> (run, training log) of the finished runs; NotRun when there is none."""
        self.need_methods([label])
        self.need_settings([setting])
        if label in self.study.programs:
            raise NotRun(f"needs a training log, and {label} is a program, which has none")
        assert self.read_log is not None
        runs = self.results.runs
        mine = runs[(runs["dataset"] == self.dataset) & (runs["label"] == label) & (runs["setting"] == setting)]
        found = {}
        for _, run in mine[mine["state"] == "ok"].iterrows():
            folder = run["folder"]
            if folder not in self._logs:
                self._logs[folder] = self.read_log(folder)
            found[int(run["seed"])] = (f"{self.dataset}/{label}/{setting}/seed{int(run['seed'])}", self._logs[folder])
        if not found:
            raise NotRun(f"no run of {label} at {setting} finished")
        return found

    def measured(self, name: str, label: str, setting: str, function: Callable[[pd.DataFrame], float]) -> Cell:
        """A quantity of the training log of every finished run of a cell."""
        logs = self.logs(label, setting)
        values = {seed: function(log) for seed, (_, log) in logs.items()}
        missing = tuple(seed for seed in self.study.seeds if seed not in values)
        return Cell(name, values, missing, frozenset(run for run, _ in logs.values()))

    def need_reference(self) -> Reference:
        """The published values; NotRun when the study names none."""
        if self.reference is None:
            raise NotRun("needs published values: set `reference` in the study")
        return self.reference

    def need_published_units(self, metric: str) -> None:
        """NotRun unless the metric is computed from the features that the published values were computed from."""
        stated = self.need_reference().protocol.get("features")
        published = [] if stated is None or stated.value is None else [stated.value]
        suited = [name for name in EVALUATORS.names() if EVALUATORS.get(name).published_as in published]
        if metric.rpartition("@")[2] not in suited:
            needed = " or ".join(suited) or "of the publication, which is not here"
            raise NotRun(f"needs the evaluator {needed}: the published values have the units of its features")
