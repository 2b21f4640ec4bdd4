"""The effect of faults in the measurement on scores: the same images, scored with a fault and without."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sngan_repro.analysis.naming import REAL, arrow, fault_words, metric_label, metric_short, protocol_of
from sngan_repro.analysis.stats import Summary, paired_difference, summarise
from sngan_repro.analysis.summary import Results, best_setting, by_seed
from sngan_repro.analysis.tables.printed import PrintedTable
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.text import MISSING, decimals_by, decimals_for, interval, mean_sd, number
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class Artefact:
    """One metric of one method at one setting, or of real images, with a protocol's faults and without."""

    protocol: ProtocolSpec
    """The one with faults."""
    faulty_name: str
    clean_name: str
    label: str
    setting: str
    """Empty for real images."""
    clean: Summary
    faulty: Summary
    difference: Summary
    """Faulty - clean, paired by training seed; all three over the seeds that finished and have both."""
    is_fid: bool

    @property
    def is_real(self) -> bool:
        """True for real images, False for those of a method."""
        return self.label == REAL

    @property
    def share(self) -> float | None:
        """The part of a faulty FID that the fault accounts for, (faulty - clean) / faulty; None for other metrics."""
        if not self.is_fid or not self.faulty.mean or self.difference.mean is None:
            return None
        return self.difference.mean / self.faulty.mean


def artefacts(study: Study, results: Results, summary: pd.DataFrame, dataset: str) -> list[Artefact]:
    """Per metric that is measured both ways: real images, then each method at its best setting by the clean metric."""
    found = []
    for faulty, clean in study.fault_pairs:
        real = [_real_scores(results, dataset, name) for name in (faulty, clean)]
        found.append(_artefact(study, faulty, clean, REAL, "", *real))
        for label in study.labels:
            best = best_setting(study, summary, dataset, label, clean)
            if best is not None:
                setting = str(best["setting"])
                scores = [by_seed(results, dataset, label, setting, name) for name in (faulty, clean)]
                found.append(_artefact(study, faulty, clean, label, setting, *scores))
    return found


def _real_scores(results: Results, dataset: str, name: str) -> dict[int, float]:
    """draw -> score of real images; empty when it is missing."""
    scores = results.scores
    rows = scores[(scores["dataset"] == dataset) & (scores["state"] == "real") & (scores["metric"] == name)]
    rows = rows[rows["value"].notna()]
    return {int(draw): float(value) for draw, value in zip(rows["seed"], rows["value"], strict=True)}


def _artefact(
    study: Study,
    faulty: str,
    clean: str,
    label: str,
    setting: str,
    with_fault: dict[int, float],
    without: dict[int, float],
) -> Artefact:
    kind, protocol = protocol_of(study, faulty)
    seeds = sorted(with_fault.keys() & without.keys())
    sound, faulted = (summarise([scores[seed] for seed in seeds]) for scores in (without, with_fault))
    difference = paired_difference(with_fault, without)
    return Artefact(protocol, faulty, clean, label, setting, sound, faulted, difference, kind == "fid")


def groups(rows: list[Artefact]) -> list[list[Artefact]]:
    """The rows of each metric together, in their order."""
    names = dict.fromkeys(row.faulty_name for row in rows)
    return [[row for row in rows if row.faulty_name == name] for name in names]


def decimals_of(rows: list[Artefact]) -> int:
    """Decimals of the scores of one metric."""
    return decimals_for(mean for row in rows for mean in (row.clean.mean, row.faulty.mean))


def percent(share: float | None) -> str:
    """``12.3 %``, or a dash."""
    return MISSING if share is None else f"{number(100 * share, 1)} %"


def artefact_table(study: Study, results: Results, summary: pd.DataFrame, dataset: str) -> PrintedTable:
    """Every metric that is measured both with faults and without, for real images and each method."""
    cells: list[list[str]] = []
    rules = set()
    for rows in groups(artefacts(study, results, summary, dataset)):
        rules.add(len(cells))
        places = decimals_of(rows)
        for row in rows:
            cells.append(
                [
                    ", ".join(fault_words(row.protocol)),
                    f"{metric_short(study, row.clean_name)} {arrow(study, row.clean_name)}",
                    row.label,
                    row.setting or MISSING,
                    mean_sd(row.clean.mean, row.clean.sd, places),
                    mean_sd(row.faulty.mean, row.faulty.sd, places),
                    number(row.difference.mean, decimals_by(row.difference.half_width, places)),
                    interval(row.difference.ci_low, row.difference.ci_high, places),
                    str(row.difference.n),
                    percent(row.share),
                ]
            )
    labels = "; ".join(dict.fromkeys(metric_label(study, clean) for _, clean in study.fault_pairs))
    caption = (
        f"{dataset}: what faults in the measurement do to scores of the same images. Clean: {labels}. Each method at "
        "its best setting by the clean metric; mean ± SD over the n training seeds that finished, of real images over "
        "n draws. Difference: with the fault minus clean, paired by training seed or draw, mean and 95 % interval of "
        "Student's t. Share: the part of the FID with the fault that the fault accounts for, the difference over that "
        "FID."
    )
    header = ["Fault", "Metric", "Images", "Setting", "clean", "with the fault", "difference", "95 % interval", "n"]
    header.append("share")
    return PrintedTable(f"artefacts-{dataset}", caption, "llllrrrrrr", header, cells, rule_before=rules - {0})
