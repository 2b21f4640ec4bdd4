"""The data of a criterion: scores, training logs, published values. If data are missing, NotRun names them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from sngan_repro.analysis.claims.cells import Cell
from sngan_repro.analysis.claims.records import Records
from sngan_repro.analysis.claims.verdict import NotRun
from sngan_repro.analysis.naming import higher_is_better, metric_short, protocol_of
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.evaluation.protocol import metric_names

if TYPE_CHECKING:
    from sngan_repro.study.reference import Reference


@dataclass
class Evidence(Records):
    """The results of one study on one of its datasets: scores, and the records of the trainings."""

    reference: Reference | None = None

    # What there is -----------------------------------------------------------------------------------------------

    @property
    def labels(self) -> list[str]:
        """The methods that a claim about all methods means: those trained here. Programs count where they are named."""
        return self.study.trained_labels

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

    def candidates(self, label: str, metric: str) -> list[Cell]:
        """The gains of a method at each of its settings, for :func:`sngan_repro.analysis.claims.cells.dominates`."""
        return [self.gain(label, setting, metric) for setting in self.study.settings_of(label)]

    def best_setting(self, label: str, metric: str, seeds: Iterable[int] | None = None) -> str:
        """The setting with the fewest diverged runs, then the best mean, as everywhere in this package.

        seeds: those that count; default: all. NotRun when none of their runs finished.
        """
        among = set(self.study.seeds if seeds is None else seeds)

        def merit(setting: str) -> tuple[int, float]:
            kept = [value for seed, value in self.gain(label, setting, metric).values.items() if seed in among]
            return len(kept), sum(kept) / len(kept) if kept else float("-inf")

        best = max(self.study.settings_of(label), key=merit)
        if not merit(best)[0]:
            raise NotRun(f"no run of {label} finished")
        return best

    def chosen(self, label: str, metric: str) -> Cell:
        """The score of a method at a setting chosen on seeds of their own: the first half of the seeds.

        The values are those of the other half, so that choosing does not flatter them. With one setting there is
        nothing to choose, and all seeds have a value. NotRun with fewer than two seeds otherwise.
        """
        settings = self.study.settings_of(label)
        if len(settings) == 1:
            return replace(self.score(label, settings[0], metric), name=label)
        if len(self.study.seeds) < 2:
            raise NotRun("needs two seeds: a method's best setting is chosen on seeds of its own")
        choosing = self.study.seeds[: len(self.study.seeds) // 2]
        found = self.score(label, self.best_setting(label, metric, choosing), metric)
        values = {seed: value for seed, value in found.values.items() if seed not in choosing}
        diverged = tuple(seed for seed in found.diverged if seed not in choosing)
        runs = frozenset().union(*(self.score(label, setting, metric).runs for setting in settings))
        return Cell(f"{found.name} (chosen on other seeds)", values, diverged, runs)

    def real_draws(self, metric: str) -> Cell:
        """The scores of real images, one per draw; NotRun when they could not be computed."""
        scores = self.results.scores
        rows = scores[(scores["dataset"] == self.dataset) & (scores["state"] == "real") & (scores["metric"] == metric)]
        if rows.empty or rows["value"].isna().any():
            raise NotRun(f"real images have no {metric_short(self.study, metric)}")
        values = {int(draw): float(value) for draw, value in zip(rows["seed"], rows["value"], strict=True)}
        return Cell("real images", values)

    def real(self, metric: str) -> float:
        """The mean score of real images; NotRun when it could not be computed."""
        values = self.real_draws(metric).values
        return sum(values.values()) / len(values)

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
