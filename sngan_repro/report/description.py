"""The description of a study, in words and numbers for methods.md.j2 and report.md.j2."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sngan_repro.analysis.load import read_dataset, read_evaluator
from sngan_repro.analysis.naming import fault_phrases
from sngan_repro.analysis.summary import Results
from sngan_repro.analysis.tables.printed import markdown_escape
from sngan_repro.config.data_records import DatasetFile, EvaluatorFile
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.text import MISSING, amount, count, enumeration, integer
from sngan_repro.data.sources import SOURCES
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.scores import SCORES, in_order
from sngan_repro.methods import METHODS, find_method
from sngan_repro.methods.symbols import COMMON as COMMON
from sngan_repro.methods.symbols import Symbol, symbols_of
from sngan_repro.report.networks import flat
from sngan_repro.report.networks import networks_text as networks_text
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class MethodText:
    """One method in the report."""

    label: str
    title: str
    summary: str
    equations: list[str]
    """LaTeX, one formula each."""
    citations: str
    """Pandoc citation such as ``[@miyato2018]``, or words; empty if the method names no source."""
    options: dict[str, object]
    """Options that have a value."""
    changed: dict[str, object]
    """Keys of the settings and nets that this entry replaces."""
    code: str
    """File and digest of a method that the user wrote, in Markdown; empty for those of the package."""
    command: str = ""
    """The command of an external program; empty for a method that is trained here."""
    symbols: tuple[Symbol, ...] = ()
    """The symbols of the equations that are not common to all methods."""

    @property
    def options_without_symbol(self) -> dict[str, object]:
        """The options that no symbol of the equations stands for."""
        shown = {symbol.option for symbol in self.symbols}
        return {key: value for key, value in self.options.items() if key not in shown}


def method_texts(study: Study, known: Collection[str] | None = None) -> list[MethodText]:
    """One per method of the study, in its order. known: the citation keys that exist; None accepts every key."""
    texts = []
    for entry, label in zip(study.methods, study.labels, strict=True):
        method = find_method(entry.name)
        options = study.method_options[label]
        budget = {} if entry.budget is None else {k: v for k, v in entry.budget.to_dict().items() if v is not None}
        latex = method.equations_for(options)
        texts.append(
            MethodText(
                label=label,
                title=method.title,
                summary=method.summary,
                equations=[part.strip() for part in latex.replace("\n", " ").split(r", \qquad ") if part.strip()],
                citations=citation(method.source_for(options), known),
                options=method.options_in_effect(options),
                changed={**entry.setting, **flat(entry.nets), **entry.training, **budget},
                code=f"`{METHODS.origin(entry.name)}`, digest `{code}`" if (code := METHODS.code(entry.name)) else "",
                command=study.programs[label].command if label in study.programs else "",
                symbols=tuple(symbols_of(method.symbols_for(options), type(options).model_fields)),
            )
        )
    return texts


OPTIMIZERS = {"adam": "Adam [@kingma2015]", "rmsprop": "RMSProp [@tieleman2012]"}


def optimizers_text(study: Study) -> str:
    """The optimizers that the runs use: ``Adam [@kingma2015]``, or both joined by "or"."""
    used = {run.optimizer.optimizer for run in study.trained_runs()}
    return " or ".join(text for name, text in OPTIMIZERS.items() if name in used)


def citation(source: str, known: Collection[str] | None = None) -> str:
    """The source of a method in pandoc's Markdown: known keys as citations, anything else in words.

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


def span(values: Iterable[float], digits: int = 4) -> str:
    """One number, or the range if they differ: ``400``, ``100 to 400``."""
    found = sorted(set(values))
    if not found:
        return MISSING
    texts = [integer(value) if float(value).is_integer() else amount(value, digits) for value in (found[0], found[-1])]
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"


def evaluators(study: Study, layout: Layout) -> dict[tuple[str, str], EvaluatorFile]:
    """(dataset, evaluator) -> description."""
    return {
        (dataset, name): read_evaluator(study, layout, dataset, name)
        for dataset in study.datasets
        for name in study.evaluators
    }


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


def protocol(spec: ProtocolSpec) -> dict[str, Any]:
    """One protocol in words."""
    return {
        "evaluator": spec.evaluator,
        "generated": count(spec.num_fake, "generated image"),
        "real": count(spec.num_real, "image") if spec.num_real else "all images",
        "reference": spec.reference,
        "seed": spec.seed,
        "of_scores": [part for metric in spec.metrics if (part := SCORES.get(metric).sentence_part(spec))],
        "running": spec.batch_norm == "running",
        "faults": fault_phrases(spec),
        "metrics": list(metric_names(spec).values()),
    }


def metric_kinds(study: Study) -> set[str]:
    """The kinds of metrics in the study: ``is``, ``fid``, ..."""
    return {metric for protocol in study.scores for metric in protocol.metrics}


def score_texts(study: Study) -> list[str]:
    """A Markdown paragraph about each score of the study. Scores with equal paragraphs share one."""
    texts = []
    for metric in in_order(metric_kinds(study)):
        protocols = [protocol for protocol in study.scores if metric in protocol.metrics]
        texts.append(SCORES.get(metric).report_text(protocols))
    return list(dict.fromkeys(texts))


def computed_by(study: Study) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """(program -> nouns of the scores that it gives too, (noun, remark) of the scores of this package alone)."""
    groups: dict[str, list[str]] = {}
    own = []
    for score in (SCORES.get(metric) for metric in in_order(metric_kinds(study))):
        if score.computed_by:
            groups.setdefault(score.computed_by, []).append(score.noun())
        else:
            own.append((score.noun(), score.remark))
    return groups, own


def real_counts(results: Results) -> str:
    """The real images that are scored as if generated: ``5 draws of 600 images on digits``."""
    real = results.scores[(results.scores["state"] == "real") & (results.scores["num_fake"] > 0)]
    if real.empty:
        return "no dataset has enough images"
    return enumeration(
        f"{rows['seed'].nunique()} draws of {span(rows['num_fake'])} images on {markdown_escape(str(dataset))}"
        for dataset, rows in real.groupby("dataset", sort=False)
    )


Z_LAWS = {"normal": "$N(0, 1)$", "uniform": "$U[-1, 1)$", "uniform01": "$U[0, 1)$"}
"""NetsSpec.z_law -> the law in Markdown."""


def data_citation(source: str) -> str:
    """Pandoc citation of a data source with a leading space; empty for a user's own images."""
    keys = [key.strip() for key in SOURCES.get(source).citation.split(",") if key.strip()]
    return f" [{'; '.join(f'@{key}' for key in keys)}]" if keys else ""


def option_text(value: object) -> str:
    """A value of an option as it is written in a study file."""
    return markdown_escape(str(value).lower() if isinstance(value, bool) else str(value))


def overrides(study: Study) -> str:
    """Which methods replace keys of the settings or nets: ``WGAN-GP (n_dis: 5)``; empty when none does."""
    return enumeration(
        f"{text.label} ({', '.join(f'{key}: {value}' for key, value in text.changed.items())})"
        for text in method_texts(study)
        if text.changed
    )
