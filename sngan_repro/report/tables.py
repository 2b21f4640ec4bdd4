"""The tables of the report that are not among those of the study: datasets, settings, budgets, comparisons."""

from __future__ import annotations

import pandas as pd

from sngan_repro.analysis.naming import arrow, metric_short, primary_metric
from sngan_repro.analysis.summary import Results, metric_decimals
from sngan_repro.analysis.tables.artefacts import percent
from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.config.data_records import DatasetFile, EvaluatorFile
from sngan_repro.core.text import MISSING, decimals_by, decimals_for, half_width, integer, interval, number
from sngan_repro.report.description import span
from sngan_repro.report.findings import p_text, verdict
from sngan_repro.study.study import Study


def dataset_table(study: Study, found: dict[str, DatasetFile]) -> PrintedTable:
    """Counts, shapes, splits and checksums."""
    rows = []
    for key, data in found.items():
        channels, height, width = data.image_shape
        rows.append(
            [
                key,
                data.source_title,
                data.split,
                f"{height} × {width}, {'grey' if channels == 1 else 'RGB'}",
                integer(data.num_train),
                integer(data.num_test),
                str(len(data.classes)) if data.classes else MISSING,
                data.sha256[:12],
            ]
        )
    header = ["Dataset", "Source", "Split", "Images", "train", "test", "classes", "SHA-256"]
    caption = "Datasets as prepared. The checksum is that of the image array, first 12 digits."
    return PrintedTable("datasets", caption, "llplrrrl", header, rows)


def settings_table(study: Study) -> PrintedTable:
    """The hyper-parameter settings."""
    rows = []
    for name, setting in study.settings.items():
        lr_d, lr_g = setting.rates
        betas = [MISSING if beta is None else f"{beta:g}" for beta in (setting.beta1, setting.beta2)]
        alpha = [] if setting.alpha is None else [f"RMSProp, α = {setting.alpha:g}"]
        rows.append([name, f"{lr_d:g}", f"{lr_g:g}", *betas, str(setting.n_dis), *alpha])
    header = ["Setting", "rate of D", "rate of G", "β1", "β2", "D steps per G step"]
    caption = "Settings of Adam, and D steps per generator update."
    if any(len(row) > len(header) for row in rows):
        header.append("optimizer")
        rows = [row if len(row) == len(header) else [*row, "Adam"] for row in rows]
        caption = "Settings of the optimizers, and D steps per generator update."
    return PrintedTable("settings", caption, "lrrrrrl"[: len(header)], header, rows)


def changes_table(study: Study) -> PrintedTable:
    """The keys of the study file that the command replaced."""
    changes = study.changed.changes if study.changed else ()
    rows = [[change.key, MISSING if change.before is None else change.before, change.value] for change in changes]
    caption = "Keys of the study file that the command replaced. A dash: the file does not have the key."
    return PrintedTable("changes", caption, "lpp", ["Key", "In the file", "In this study"], rows)


def budget_table(runs: pd.DataFrame) -> PrintedTable:
    """Per dataset and method: planned updates, epochs, images shown, parameters."""
    rows = []
    share = runs["steps_done"].where(runs["steps_done"] > 0) / runs["steps_total"]
    planned = runs.assign(planned_epochs=runs["epochs"] / share, planned_images=(runs["images_seen"] / share).round())
    for (dataset, label), group in planned.groupby(["dataset", "label"], sort=False):
        first = group.iloc[0]
        rows.append(
            [
                str(dataset),
                str(label),
                span(group["steps_total"] if group["epochs"].notna().any() else []),
                span(group["planned_epochs"].dropna()),
                span(group["planned_images"].dropna()),
                integer(first["parameters_g"]),
                integer(first["parameters_d"]),
            ]
        )
    header = ["Dataset", "Method", "generator updates", "epochs", "real images", "parameters G", "parameters D"]
    caption = (
        "Planned length of each run, in three units, and the size of the networks. An epoch is one pass of D over the "
        "training images."
    )
    return PrintedTable("budget", caption, "llrrrrr", header, rows)


def evaluator_table(found: dict[tuple[str, str], EvaluatorFile]) -> PrintedTable:
    """Feature networks, with their test accuracy where they were trained here."""
    rows = [
        [
            dataset,
            name,
            file.digest,
            integer(file.feature_dim),
            integer(file.num_classes),
            percent(file.train_accuracy),
            percent(file.test_accuracy),
        ]
        for (dataset, name), file in found.items()
    ]
    header = ["Dataset", "Evaluator", "Digest", "features", "classes", "train accuracy", "test accuracy"]
    caption = "Evaluators. The digest identifies weights and preprocessing; accuracies are of networks trained here."
    return PrintedTable("evaluators", caption, "lllrrrr", header, rows)


def comparison_table(
    study: Study, summary: pd.DataFrame, comparisons: pd.DataFrame, dataset: str
) -> PrintedTable | None:
    """The best method against every other, by each headline metric; None when nothing can be compared."""
    rows: list[list[str]] = []
    rules: set[int] = set()
    for metric in study.headline_metrics:
        found = comparisons[(comparisons["dataset"] == dataset) & (comparisons["metric"] == metric)]
        rules.add(len(rows))
        places = decimals_for(found["mean_difference"].dropna())
        for _, row in found.iterrows():
            rows.append(
                [
                    f"{metric_short(study, metric)} {arrow(study, metric)}",
                    f"{row['first']} ({row['first_setting']})",
                    f"{row['second']} ({row['second_setting']})",
                    number(row["mean_difference"], decimals_by(half_width(row["ci_low"], row["ci_high"]), places)),
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
        "differences paired by training seed, mean and 95 % interval of Student's t. First better: seeds in which the "
        "first has the better score. p: two-sided permutation test that exchanges the two methods seed by seed and "
        "chooses their settings anew, corrected by Holm's method for all pairs of methods. The difference itself is "
        "flattered, since the first method and all settings were chosen by these same scores."
    )
    header = ["Metric", "First", "Second", "difference", "95 % interval", "n", "first better", "p", "reading"]
    return PrintedTable(f"comparisons-{dataset}", caption, "lllrrrrrl", header, rows, rule_before=rules - {0})


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
