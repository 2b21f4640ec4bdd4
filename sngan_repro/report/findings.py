"""The findings of a study, as numbers and words for the macros of sentences.md.j2, and the tables that show them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sngan_repro.analysis.naming import arrow, fault_phrases, metric_short
from sngan_repro.analysis.power import POWER, detectable_difference, seeds_for
from sngan_repro.analysis.ranks import study_agreement
from sngan_repro.analysis.stats import fewest_seeds, interval_reach, unanimity_chance
from sngan_repro.analysis.summary import Results, metric_decimals, ranking, real_score
from sngan_repro.analysis.tables.artefacts import artefacts, decimals_of, groups, percent
from sngan_repro.analysis.tabular import Row
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.text import decimals_by, half_width, integer, interval, mean_sd, number
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.study.study import Study

ALPHA = 0.05
"""The level of significance."""
SIGN_TEST_MIN = fewest_seeds(2, ALPHA)
"""The smallest n for which n differences of two methods can be significant."""


def leader(study: Study, summary: pd.DataFrame, comparisons: pd.DataFrame, dataset: str, metric: str) -> dict[str, Any]:
    """The best two methods by one metric, and their paired difference where a seed finished in both."""
    places, real = metric_decimals(summary, dataset, metric), real_score(summary, dataset, metric)
    ranked = ranking(study, summary, dataset, metric)[:2]
    found: dict[str, Any] = {
        "dataset": dataset,
        "metric": metric_short(study, metric),
        "real": "" if real.mean is None else number(real.mean, decimals_by(real.sd, places)),
        "several": len(study.labels) > 1,
        "settings": len(study.settings) > 1,
        "ranked": [_place(row, places) for row in ranked],
        "pair": None,
    }
    row = comparison(comparisons, dataset, metric, ranked[1]["label"]) if len(ranked) > 1 else None
    if row is not None and row["n"] > 0:
        tested = row["n"] >= SIGN_TEST_MIN  # with fewer seeds no difference can be significant
        found["pair"] = {
            "n": int(row["n"]),
            "agreeing": int(row["agreeing"]),
            "difference": number(
                row["mean_difference"], decimals_by(half_width(row["ci_low"], row["ci_high"]), places)
            ),
            "interval": interval(row["ci_low"], row["ci_high"], places) if tested else "",
            "p": p_text(row["p_holm"]),
            "reading": verdict(row),
        }
    return found


def _place(row: Row, places: int) -> dict[str, str]:
    """A method, its setting (empty for a program without settings), and its score: ``23.85 ± 0.23, n = 2``."""
    value = f"{mean_sd(row['mean'], row['sd'], places)}, n = {int(row['n'])}"
    return {"label": row["label"], "setting": row["setting"].replace(OWN_SETTING, ""), "value": value}


def comparison(comparisons: pd.DataFrame, dataset: str, metric: str, second: str) -> Row | None:
    """The row that compares the best method with ``second``."""
    rows = comparisons[
        (comparisons["dataset"] == dataset) & (comparisons["metric"] == metric) & (comparisons["second"] == second)
    ]
    return None if rows.empty else rows.iloc[0]


def agreement(study: Study, summary: pd.DataFrame, comparisons: pd.DataFrame, dataset: str) -> dict[str, Any] | None:
    """The best method by each headline metric, and the evidence for it; None with fewer than two metrics or methods.

    separated: the number of the other methods from which the first one differs significantly by every headline metric.
    """
    leaders = {}
    for metric in study.headline_metrics:
        if ranked := ranking(study, summary, dataset, metric):
            leaders[metric_short(study, metric)] = str(ranked[0]["label"])
    if len(leaders) < 2 or len(study.labels) < 2:
        return None
    rows = comparisons[(comparisons["dataset"] == dataset) & (comparisons["p_holm"] <= ALPHA)]
    times = rows["second"].value_counts()
    return {
        "leaders": leaders,
        "n": len(study.seeds),
        "others": len(study.labels) - 1,
        "separated": int((times == len(study.headline_metrics)).sum()),
    }


def settings(study: Study, summary: pd.DataFrame, dataset: str, metric: str) -> dict[str, Any] | None:
    """The settings in which the overall best method is also the best one; None with one setting or method."""
    ranked = ranking(study, summary, dataset, metric)
    if len(ranked) < 2 or len(study.settings) < 2:
        return None
    best = ranked[0]["label"]
    rows = summary[
        (summary["dataset"] == dataset) & (summary["metric"] == metric) & summary["label"].isin(study.labels)
    ]
    leaders = {}
    for setting in study.settings:
        # A program without settings is compared with the others at each of them.
        cell = rows[rows["setting"].isin([setting, OWN_SETTING]) & rows["mean"].notna()]
        if len(cell):
            at: Any = cell["mean"].idxmax() if arrow(study, metric) == "↑" else cell["mean"].idxmin()
            leaders[setting] = cell.loc[at, "label"]
    led = [setting for setting, label in leaders.items() if label == best]
    return {"metric": metric_short(study, metric), "label": best, "led": led, "num_judged": len(leaders)}


def verdict(row: Row) -> str:
    """The conclusion from a paired comparison, in a few words.

    p decides. If it is too large and all differences have one sign, n is too small.
    """
    n, same = int(row["n"]), max(row["agreeing"], row["opposing"])
    if n == 0:
        return "no common seed"
    if n == 1:
        return "one seed: no test"
    if row["p_holm"] <= ALPHA:
        return "significantly different"
    return "same sign, few seeds" if same == n else "not significantly different"


def p_text(p: float) -> str:
    """``0.031``; ``< 0.001`` where three decimals show nothing; a dash without a test."""
    return "< 0.001" if p < 0.0005 else number(p, 3)


def seeds(study: Study) -> dict[str, Any]:
    """The number of training seeds, and the smallest one with which a comparison could be significant.

    chance: probability in percent that all differences of two equal methods have the same sign. detectable: the
    difference in seed SDs that is found with the probability POWER; for_one, for_two: the seeds for one or two SD.
    """
    n, num_methods = len(study.seeds), len(study.labels)
    chance, needed = unanimity_chance(n), fewest_seeds(num_methods, ALPHA)
    return {
        "n": n,
        "num_methods": num_methods,
        "needed": needed,
        "reach": number(interval_reach(n), 1),
        "detectable": number(detectable_difference(n), 1),
        "power": integer(100 * POWER),
        "for_one": seeds_for(1),
        "for_two": seeds_for(2),
        "chance": f"{100 * chance:.{0 if chance >= 0.1 else 1}f}",
    }


def divergence(study: Study, results: Results) -> dict[str, Any]:
    """The number of runs that diverged: in all, and of each method as (label, diverged, runs)."""
    runs = results.runs.assign(lost=results.runs["state"] == "diverged")
    counts = [(label, runs.loc[runs["label"] == label, "lost"]) for label in study.labels]
    return {
        "num_runs": len(runs),
        "num_lost": int(runs["lost"].sum()),
        "lost": [(label, int(lost.sum()), len(lost)) for label, lost in counts if lost.any()],
        "never": [label for label, lost in counts if lost.all()],
    }


def comparable(study: Study) -> list[dict[str, Any]]:
    """Per protocol: the published scores that its scores may be compared with. Equal entries are given once."""
    found: list[dict[str, Any]] = []
    for protocol in study.scores:
        evaluator = EVALUATORS.get(protocol.evaluator)
        words: dict[str, Any] = {"faulty": not protocol.is_clean}
        if protocol.is_clean:
            words |= {"evaluator": protocol.evaluator, "features": evaluator.features}
            words["published"] = evaluator.published_as is not None
        if words.get("published"):
            words |= {"num_fake": integer(protocol.num_fake), "reference": protocol.reference}
            words["num_real"] = integer(protocol.num_real) if protocol.num_real else "all"
        if words not in found:
            found.append(words)
    return found


def ranks(study: Study, results: Results, dataset: str, metric: str) -> dict[str, Any] | None:
    """Kendall's tau-b of the rankings at the first and the last snapshot; None where there is nothing to rank."""
    found = study_agreement(study, results, dataset, metric, list(study.settings))
    if found is None or found.tau[0, -1] != found.tau[0, -1]:
        return None
    return {
        "metric": metric_short(study, metric),
        "num_snapshots": len(found.snapshots),
        "tau": number(found.tau[0, -1], 2),
        "num_ranked": found.num_ranked,
    }


def faults(study: Study, results: Results, summary: pd.DataFrame, dataset: str) -> list[dict[str, Any]]:
    """One entry per metric that is measured with faults and without; the numbers are those of the table."""
    found = []
    for rows in groups(artefacts(study, results, summary, dataset)):
        places = decimals_of(rows)
        shown = [
            {
                "real": row.is_real,
                "label": row.label,
                "clean": number(row.clean.mean, decimals_by(row.clean.sd, places)),
                "faulty": number(row.faulty.mean, decimals_by(row.faulty.sd, places)),
                "share": "" if row.share is None else percent(row.share),
            }
            for row in rows
            if row.difference.mean is not None
        ]
        if shown:
            metric = metric_short(study, rows[0].clean_name)
            found.append({"metric": metric, "faults": fault_phrases(rows[0].protocol), "rows": shown})
    return found
