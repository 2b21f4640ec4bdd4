"""What the numbers say, in Markdown sentences made from the tables; nothing here is typed by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sngan_repro.analysis.naming import arrow, metric_short, primary_metric
from sngan_repro.analysis.stats import fewest_seeds, unanimity_chance
from sngan_repro.analysis.summary import Results, metric_decimals, ranking, real_value
from sngan_repro.analysis.tables.printed import PrintedTable, markdown_escape
from sngan_repro.analysis.tabular import Row
from sngan_repro.config.specs import OWN_SETTING
from sngan_repro.core.text import MISSING, decimals_for, enumeration, integer, interval, mean_sd, number
from sngan_repro.evaluation.evaluators import EVALUATORS
from sngan_repro.study.study import Study

ALPHA = 0.05
"""The level at which two methods count as told apart."""
SIGN_TEST_MIN = fewest_seeds(1, ALPHA)
"""The smallest n at which n pairs of one sign are rarer than 5 % under no difference."""


def value_text(row: Row, places: int) -> str:
    """``23.85 ± 0.23, n = 2``."""
    n = int(row["n"])
    return f"{mean_sd(row['mean'], row['sd'], places)}, n = {n}"


def _at(row: Row, words: str) -> str:
    """``at C `` with a space behind; nothing for a program, whose setting is none of the study's."""
    return "" if row["setting"] == OWN_SETTING else f"{words}{markdown_escape(row['setting'])} "


def leader_sentence(study: Study, summary: pd.DataFrame, comparisons: pd.DataFrame, dataset: str, metric: str) -> str:
    """Which method is best by one metric, how far ahead, and what real images score."""
    name, ranked = metric_short(study, metric), ranking(study, summary, dataset, metric)
    if not ranked:
        return f"On {markdown_escape(dataset)} no run finished with a {markdown_escape(name)}."
    places, best = metric_decimals(summary, dataset, metric), ranked[0]
    real = real_value(summary, dataset, metric)
    measure = markdown_escape(name)
    sentence = (
        f"On {markdown_escape(dataset)} the best {measure} is that of **{markdown_escape(best['label'])}** "
        f"{_at(best, 'at setting ')}({value_text(best, places)}"
    )
    sentence += f"; real images: {number(real, places)})" if real is not None else ")"
    if len(ranked) == 1:
        return sentence + ("; no other method has a finished run." if len(study.labels) > 1 else ".")
    second = ranked[1]
    sentence += f", followed by {markdown_escape(second['label'])} {_at(second, 'at ')}({value_text(second, places)})"
    row = comparison(comparisons, dataset, metric, second["label"])
    if row is None or row["n"] == 0:
        return sentence + "; no seed finished in both."
    n, difference = int(row["n"]), number(row["mean_difference"], places)
    if n == 1:
        return sentence + f"; in the single seed that both finished they differ by {difference}."
    evidence = f"the first is better in {int(row['agreeing'])} of {n} seeds"
    if n >= SIGN_TEST_MIN:  # with fewer seeds a bootstrap interval is little more than the range of the differences
        bounds = markdown_escape(interval(row["ci_low"], row["ci_high"], places))
        evidence = f"95 % interval {bounds}; {evidence}; corrected p {markdown_escape(p_text(row['p_holm']))}"
    return sentence + f"; paired by seed they differ by {difference} ({evidence}: {verdict(row)})."


def comparison(comparisons: pd.DataFrame, dataset: str, metric: str, second: str) -> Row | None:
    """The row that compares the best method with ``second``."""
    rows = comparisons[
        (comparisons["dataset"] == dataset) & (comparisons["metric"] == metric) & (comparisons["second"] == second)
    ]
    return None if rows.empty else rows.iloc[0]


def agreement_sentence(study: Study, summary: pd.DataFrame, dataset: str) -> str:
    """Whether the headline metrics name the same best method; empty with a single metric or method."""
    leaders = {}
    for metric in study.headline_metrics:
        ranked = ranking(study, summary, dataset, metric)
        if ranked:
            leaders[markdown_escape(metric_short(study, metric))] = markdown_escape(ranked[0]["label"])
    if len(leaders) < 2 or len(study.labels) < 2:
        return ""
    if len(set(leaders.values())) == 1:
        return f"{enumeration(leaders)} agree on the best method."
    return "The metrics disagree: " + enumeration(f"{m} puts {label} first" for m, label in leaders.items()) + "."


def settings_sentence(study: Study, summary: pd.DataFrame, dataset: str, metric: str) -> str:
    """In how many settings the overall best method is also the best one; empty with one setting or method."""
    ranked = ranking(study, summary, dataset, metric)
    if len(ranked) < 2 or len(study.settings) < 2:
        return ""
    best = ranked[0]["label"]
    rows = summary[
        (summary["dataset"] == dataset) & (summary["metric"] == metric) & summary["label"].isin(study.labels)
    ]
    led, judged = [], []
    for setting in study.settings:
        # A program without settings stands beside the others at each of them.
        cell = rows[rows["setting"].isin([setting, OWN_SETTING]) & rows["mean"].notna()]
        if cell.empty:
            continue
        judged.append(setting)
        at: Any = cell["mean"].idxmax() if arrow(study, metric) == "↑" else cell["mean"].idxmin()
        if cell.loc[at, "label"] == best:
            led.append(setting)
    where = f" ({markdown_escape(enumeration(led))})" if 0 < len(led) < len(judged) else ""
    return (
        f"By {markdown_escape(metric_short(study, metric))}, {markdown_escape(best)} has the best mean in "
        f"{len(led)} of {len(judged)} settings{where}."
    )


def verdict(row: Row) -> str:
    """What a paired comparison supports, in a few words.

    n differences of one sign have the smallest p that n allows: where they are not told apart, n is too small.
    """
    n, same = int(row["n"]), max(row["agreeing"], row["opposing"])
    if n == 0:
        return "no common seed"
    if n == 1:
        return "one seed: no test"
    if same == n:
        return "told apart" if row["p_holm"] <= ALPHA else "same sign, few seeds"
    return "signs differ" if min(row["agreeing"], row["opposing"]) else "not told apart"


def comparison_table(
    study: Study, summary: pd.DataFrame, comparisons: pd.DataFrame, dataset: str
) -> PrintedTable | None:
    """The best method against every other, by each headline metric; None when nothing can be compared."""
    rows: list[list[str]] = []
    rules: set[int] = set()
    for metric in study.headline_metrics:
        found = comparisons[(comparisons["dataset"] == dataset) & (comparisons["metric"] == metric)]
        rules.add(len(rows))
        places = decimals_for([*found["mean_difference"].dropna(), *found["ci_low"].dropna()])
        for _, row in found.iterrows():
            rows.append(
                [
                    f"{metric_short(study, metric)} {arrow(study, metric)}",
                    f"{row['first']} ({row['first_setting']})",
                    f"{row['second']} ({row['second_setting']})",
                    number(row["mean_difference"], places),
                    interval(row["ci_low"], row["ci_high"], places),
                    integer(row["n"]),
                    f"{integer(row['agreeing'])} of {integer(row['n'])}",
                    p_text(row["p_holm"]),
                    verdict(row),
                ]
            )
    if not rows:
        return None
    caption = (
        f"{dataset}: the best method by each headline metric minus every other one, each at its best setting; "
        "differences paired by training seed, mean and 95 % bootstrap interval (for fewer than "
        f"{SIGN_TEST_MIN} seeds little more than their range). First better: seeds in which the first has the better "
        "score. p: two-sided sign-flip permutation test over the seeds, corrected by Holm's method for the rows of a "
        "metric. The first method and all settings were chosen by these same scores."
    )
    header = ["Metric", "First", "Second", "difference", "95 % interval", "n", "first better", "p", "reading"]
    return PrintedTable(f"comparisons-{dataset}", caption, "lllrrrrrl", header, rows, rule_before=rules - {0})


def p_text(p: float) -> str:
    """``0.031``; ``< 0.001`` where three decimals show nothing; a dash without a test."""
    return "< 0.001" if p < 0.0005 else number(p, 3)


def seeds_caveat(study: Study) -> str:
    """What the number of seeds allows; the numbers follow from it."""
    n = len(study.seeds)
    if n == 1:
        return (
            "With one training seed there is neither a standard deviation nor an interval: nothing is known about how "
            "a second training would come out, and no difference between two methods can be told from chance."
        )
    text = f"The statistics rest on {n} training seeds. The bootstrap interval cannot reach beyond the observed values"
    if n <= 3:
        text += f"; with {n} seeds it is exactly their range and covers the true mean far less often than 95 % suggests"
    else:
        text += "; with few seeds it is narrower than an exact interval would be"
    chance = unanimity_chance(n)
    text += (
        f". Even if two methods did not differ at all, {n} paired differences would all have the same sign with "
        f"probability {100 * chance:.{0 if chance >= 0.1 else 1}f} %"
    )
    others = len(study.labels) - 1
    needed = fewest_seeds(max(1, others), ALPHA)
    if n < needed:
        among = f" among {others + 1} methods" if others > 1 else ""
        text += (
            f", so no comparison{among} in this study can be evidence at the 5 % level; {needed} seeds are the fewest "
            "that could be"
        )
    return text + "."


def divergence_table(study: Study, results: Results, summary: pd.DataFrame) -> PrintedTable | None:
    """Every diverged run with the update and the reason; None when there is none."""
    runs = results.runs[results.runs["state"] == "diverged"]
    if runs.empty:
        return None
    metric = primary_metric(study)
    scores = results.scores
    last = scores[scores["last"] & (scores["metric"] == metric)].set_index(["dataset", "label", "setting", "seed"])
    rows = []
    for _, run in runs.iterrows():
        value = last.loc[(run["dataset"], run["label"], run["setting"], run["seed"]), "value"]
        places = metric_decimals(summary, run["dataset"], metric)
        rows.append(
            [
                run["dataset"],
                run["label"],
                run["setting"],
                str(run["seed"]),
                run["reason"] or MISSING,
                f"{integer(run['diverged_at'])} of {integer(run['steps_total'])}",
                integer(run["last_snapshot"]),
                number(value, places),
            ]
        )
    header = ["Dataset", "Method", "Setting", "Seed", "Reason", "at update", "last finite snapshot"]
    header.append(f"{metric_short(study, metric)} {arrow(study, metric)} there")
    caption = "Runs that diverged. Their last finite snapshot was scored, but enters no mean."
    return PrintedTable("divergences", caption, "lllllrrr", header, rows)


def divergence_sentence(study: Study, results: Results) -> str:
    """How many runs diverged, and which methods never finished."""
    runs = results.runs
    lost = runs[runs["state"] == "diverged"]
    if lost.empty:
        return f"None of the {len(runs)} runs diverged." if len(runs) > 1 else "The run did not diverge."
    groups = [(label, lost[lost["label"] == label], runs[runs["label"] == label]) for label in study.labels]
    counted = enumeration(
        f"{markdown_escape(label)} ({len(part)} of {len(whole)})" for label, part, whole in groups if len(part)
    )
    text = f"{len(lost)} of {len(runs)} runs diverged: {counted}."
    never = [markdown_escape(label) for label, part, whole in groups if len(part) == len(whole)]
    return text + (f" No run of {enumeration(never)} finished." if never else "")


def literature_sentences(study: Study) -> list[str]:
    """Which published scores these may be compared with, one sentence per protocol."""
    sentences = []
    for protocol in study.scores:
        name = f"`{protocol.evaluator}`"
        if not protocol.is_clean:
            sentences.append("Scores measured with faults show what the faults do, and are no results of a method.")
        elif (evaluator := EVALUATORS.get(protocol.evaluator)).published_as is None:
            sentences.append(
                f"Scores by the evaluator {name} rest on {evaluator.features}: they rank the runs of this study and "
                "must not be set beside any published score."
            )
        else:
            real = integer(protocol.num_real) if protocol.num_real else "all"
            sentences.append(
                f"Scores by the evaluator {name} may be set beside published ones only where those were measured with "
                f"{integer(protocol.num_fake)} generated images, {real} images of the {protocol.reference} split of "
                f"the same data, the same image size and the same weights of {evaluator.features}; the scores "
                "depend on each of these."
            )
    return list(dict.fromkeys(sentences))
