"""What was run, resolved from the files: datasets, settings, methods, budgets, evaluators, machines."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pandas as pd

from sngan_repro.analysis.load import read_dataset, read_evaluator
from sngan_repro.analysis.naming import fault_phrases
from sngan_repro.analysis.schemas import DatasetFile, EvaluatorFile
from sngan_repro.analysis.summary import Results
from sngan_repro.analysis.tables.printed import PrintedTable, markdown_escape
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.text import MISSING, amount, count, enumeration, integer, number
from sngan_repro.data.sources import SOURCES
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.scores import SCORES, in_order
from sngan_repro.methods import METHODS, find_method
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class MethodText:
    """A method as the report presents it."""

    label: str
    title: str
    summary: str
    equations: list[str]
    """LaTeX, one formula each."""
    citations: str
    """Pandoc citation, e.g. ``[@miyato2018]``, or words; empty when the method names no source."""
    options: dict[str, object]
    changed: dict[str, object]
    """Keys of the settings and nets that this entry replaces."""
    code: str
    """File and digest of a method of the user's own, in Markdown; empty for those of the package."""
    command: str = ""
    """Of a program: what is run."""


def method_texts(study: Study, known: Collection[str] | None = None) -> list[MethodText]:
    """One per method of the study, in its order. known: the citation keys there are; None: whatever is given."""
    texts = []
    for entry, label in zip(study.methods, study.labels, strict=True):
        method = find_method(entry.name)
        options = study.method_options[label]
        latex = method.equations_for(options)
        texts.append(
            MethodText(
                label=label,
                title=method.title,
                summary=method.summary,
                equations=[part.strip() for part in latex.replace("\n", " ").split(r", \qquad ") if part.strip()],
                citations=citation(method.source, known),
                options=options.to_dict(),
                changed={**entry.setting, **entry.nets},
                code=f"`{METHODS.origin(entry.name)}`, digest `{code}`" if (code := METHODS.code(entry.name)) else "",
                command=study.programs[label].command if label in study.programs else "",
            )
        )
    return texts


def citation(source: str, known: Collection[str] | None = None) -> str:
    """A method's source in pandoc's Markdown: known keys as citations, anything else in words.

    ``miyato2018, feng2019`` gives ``[@miyato2018; @feng2019]``; ``Some One, 2020`` gives ``(Some One, 2020)``.
    """
    parts = [part.strip() for part in source.split(",") if part.strip()]
    keys = [part for part in parts if known is None or part in known]
    words = ", ".join(part for part in parts if part not in keys)
    cited = f"[{'; '.join('@' + key for key in keys)}]" if keys else ""
    return " ".join(text for text in (cited, f"({markdown_escape(words)})" if words else "") if text)


def datasets(study: Study, layout: Layout) -> dict[str, DatasetFile]:
    """Label -> description of the prepared images."""
    return {key: read_dataset(layout, spec) for key, spec in study.datasets.items()}


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
    return PrintedTable("datasets", caption, "llllrrrl", header, rows)


def settings_table(study: Study) -> PrintedTable:
    """The hyper-parameter settings."""
    rows = []
    for name, setting in study.settings.items():
        lr_d, lr_g = setting.rates
        rows.append([name, f"{lr_d:g}", f"{lr_g:g}", f"{setting.beta1:g}", f"{setting.beta2:g}", str(setting.n_dis)])
    header = ["Setting", "rate of D", "rate of G", "β1", "β2", "D steps per G step"]
    return PrintedTable("settings", "Settings of Adam, and D steps per generator update.", "lrrrrr", header, rows)


def span(values: Iterable[float], digits: int = 4) -> str:
    """One number, or the range when they differ: ``400``, ``100 to 400``."""
    found = sorted(set(values))
    if not found:
        return MISSING
    texts = [integer(value) if float(value).is_integer() else amount(value, digits) for value in (found[0], found[-1])]
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"


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


def evaluators(study: Study, layout: Layout) -> dict[tuple[str, str], EvaluatorFile]:
    """(dataset, evaluator) -> description."""
    return {
        (dataset, name): read_evaluator(study, layout, dataset, name)
        for dataset in study.datasets
        for name in study.evaluators
    }


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


def percent(share: float | None) -> str:
    """``96.9 %``, or a dash."""
    return f"{number(100 * share, 1)} %" if share is not None else MISSING


def machine_rows(runs: pd.DataFrame) -> list[dict[str, str]]:
    """Groups of runs made on the same device with the same versions and revision."""
    keys = ["device", "device_name", "threads", "versions", "git_revision"]
    groups = runs.groupby(keys, sort=False, dropna=False)
    rows = []
    for values, group in groups:
        device, name, threads, versions, revision = (str(value) for value in values)
        rows.append(
            {
                "runs": f"{len(group)} of {len(runs)} runs" if len(group) < len(runs) else "all runs",
                "device": f"{name or device} ({device}{_threads(threads)})",
                "versions": versions,
                "revision": revision,
            }
        )
    return rows


def _threads(text: str) -> str:
    return f", {count(int(float(text)), 'thread')}" if text not in ("", "nan") else ""


def protocol_text(protocol: ProtocolSpec) -> str:
    """One protocol as a Markdown sentence or two."""
    real = count(protocol.num_real, "image") if protocol.num_real else "all images"
    parts = [
        f"Evaluator `{protocol.evaluator}`: {count(protocol.num_fake, 'generated image')}, compared with {real} of the "
        f"{protocol.reference} split",
        f"latents from sampling seed {protocol.seed}, the same for every run",
    ]
    parts += [part for metric in protocol.metrics if (part := SCORES.get(metric).sentence_part(protocol))]
    running = protocol.batch_norm == "running"
    statistics = "its running statistics" if running else "the statistics of each batch"
    parts.append(f"batch norm in $G$ uses {statistics} while sampling")
    if not protocol.is_clean:
        parts.append(f"**with faults**, to show what they do: {enumeration(fault_phrases(protocol))}")
    names = ", ".join(f"`{name}`" for name in metric_names(protocol).values())
    return f"{'; '.join(parts)}. Metrics: {names}."


def metric_kinds(study: Study) -> set[str]:
    """The kinds of metrics in use: ``is``, ``fid``, ..."""
    return {metric for protocol in study.scores for metric in protocol.metrics}


def score_texts(study: Study) -> list[str]:
    """What each score in use is, one Markdown paragraph each; scores with one text share it."""
    texts = []
    for metric in in_order(metric_kinds(study)):
        protocols = [protocol for protocol in study.scores if metric in protocol.metrics]
        texts.append(SCORES.get(metric).report_text(protocols))
    return list(dict.fromkeys(texts))


def computed_by(study: Study) -> str:
    """What computes the scores, in Markdown sentences."""
    scores = [SCORES.get(metric) for metric in in_order(metric_kinds(study))]
    own = [score for score in scores if not score.computed_by]
    sentences = []
    programs = list(dict.fromkeys(score.computed_by for score in scores if score.computed_by))
    for program in programs:
        nouns = [score.noun() for score in scores if score.computed_by == program]
        who, verb = _sentence_start(enumeration(nouns)), "is" if len(nouns) == 1 else "are"
        if len(programs) == 1:
            who, verb = f"All but {enumeration(score.noun() for score in own)}" if own else "All", "are"
        sentences.append(f"{who} {verb} computed as by {program}.")
    sentences += [score.remark for score in own if score.remark]
    if simple := [score.noun() for score in own if not score.remark]:
        verb = "is" if len(simple) == 1 else "are"
        sentences.append(f"{_sentence_start(enumeration(simple))} {verb} computed by this package.")
    return " ".join(sentences)


def _sentence_start(text: str) -> str:
    return text[0].upper() + text[1:]


def real_counts(results: Results) -> str:
    """How many real images are scored as if they were generated: ``359 images on digits``."""
    real = results.scores[results.scores["state"] == "real"]
    return enumeration(
        f"{span(rows['num_fake'])} images on {markdown_escape(str(dataset))}"
        for dataset, rows in real.groupby("dataset", sort=False)
    )


Z_LAWS = {"normal": "$N(0, 1)$", "uniform": "$U[-1, 1)$", "uniform01": "$U[0, 1)$"}
"""NetsSpec.z_law -> the law in Markdown."""


def data_citation(source: str) -> str:
    """Pandoc citation of a data source with a leading space; empty for a user's own images."""
    keys = [key.strip() for key in SOURCES.get(source).citation.split(",") if key.strip()]
    return f" [{'; '.join(f'@{key}' for key in keys)}]" if keys else ""


def option_text(value: object) -> str:
    """A value of an option as a study file has it."""
    words = {True: "true", False: "false", None: "default"}
    return words[value] if value is None or isinstance(value, bool) else markdown_escape(str(value))


def aligned(equation: str) -> str:
    """A formula as a line of an ``aligned`` block: set to the left, from its first relation on."""
    return "&" + equation


def overrides(study: Study) -> str:
    """Which methods replace keys of the settings or nets: ``WGAN-GP (n_dis: 5)``; empty when none does."""
    return enumeration(
        f"{text.label} ({', '.join(f'{key}: {value}' for key, value in text.changed.items())})"
        for text in method_texts(study)
        if text.changed
    )
