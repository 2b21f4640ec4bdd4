"""The verdicts of a study: one row per claim, one per component, and a printed table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sngan_repro.analysis.aggregate import write_table
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.ledger import Claim, Ledger, load_ledger
from sngan_repro.analysis.claims.verdict import TAIL, VERDICTS, Component, NotRun, Verdict
from sngan_repro.analysis.gallery import gallery_record
from sngan_repro.analysis.outputs import claim_files
from sngan_repro.analysis.summary import read_results
from sngan_repro.analysis.tables.printed import PrintedTable, latex_document, markdown_document
from sngan_repro.analysis.tabular import read_log, read_spectra, read_table
from sngan_repro.core.files import write_text
from sngan_repro.core.sealed import write_record
from sngan_repro.core.text import MISSING, amount, decimals_by, enumeration, half_width, interval, number
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study


@dataclass(frozen=True)
class Judged:
    """A claim and the verdict on one dataset."""

    dataset: str
    claim: Claim
    verdict: Verdict


def judge(claim: Claim, evidence: Evidence) -> Verdict:
    """The verdict of one claim's test on the evidence; a gap in the data gives "not run" with the reason."""
    if claim.test is None:
        return Verdict("not run", reason=claim.not_run or "")
    source = evidence.study.datasets[evidence.dataset].images_of
    if claim.source not in (None, source):
        return Verdict("not run", reason=f"is about {claim.source}; this dataset is {source}")
    try:
        return CRITERIA.get(claim.test)(evidence, **claim.options)
    except NotRun as gap:
        return Verdict("not run", reason=str(gap))


def judge_study(study: Study, layout: Layout) -> list[Judged]:
    """Every claim of the study's ledger, per dataset. Reads what ``aggregate`` wrote and the training logs."""
    assert study.claims is not None
    ledger = load_ledger(study.claims)
    results = read_results(layout)
    judged = []
    for dataset in study.datasets:
        evidence = Evidence(
            study,
            dataset,
            results,
            read_log=lambda folder: read_log(layout.linked(folder)),
            read_spectra=lambda folder: read_spectra(layout.linked(folder)),
            read_gallery=(lambda folder: gallery_record(layout.linked(folder))) if study.gallery else None,
            reference=study.published,
            times=results.times,
        )
        judged += [Judged(dataset, claim, judge(claim, evidence)) for claim in ledger.claims]
    return judged


def make_claims(study: Study, layout: Layout) -> None:
    """Write claims.csv, claims_components.csv, claims.md and claims.tex of a study with a ledger."""
    assert study.claims is not None
    ledger = load_ledger(study.claims)
    judged = judge_study(study, layout)
    files = claim_files(study, layout)
    rows = [claim_row(study, ledger, item) for item in judged]
    write_table(files["claims"], rows)
    components = [component_row(item, part) for item in judged for part in item.verdict.components]
    write_table(files["claims_components"], components, COMPONENT_COLUMNS)
    tables = [table for dataset in study.datasets for table in printed_claims(rows, dataset)]
    write_text(files["claims_md"], markdown_document(tables))
    write_text(files["claims_tex"], latex_document(tables))
    write_record(layout.tables / "claims", files.values())


def read_claims(study: Study, layout: Layout) -> list[dict[str, Any]]:
    """The rows of claims.csv; none for a study without a ledger."""
    if study.claims is None:
        return []
    return read_table(claim_files(study, layout)["claims"], "make_claims").to_dict("records")  # type: ignore[return-value]


def printed_claims(rows: list[dict[str, Any]], dataset: str) -> list[PrintedTable]:
    """The verdicts, and the reasons of those that could not be decided. rows: of claims.csv."""
    mine = [row for row in rows if row["dataset"] == dataset]
    tables = [claims_table(mine, dataset), reasons_table(mine, dataset)]
    return [table for table in tables if table.rows]


def tally(rows: list[dict[str, Any]], dataset: str) -> str:
    """``3 supported, 5 not supported, 10 undecided and 23 not run``."""
    counts = Counter(row["verdict"] for row in rows if row["dataset"] == dataset)
    return enumeration(f"{counts[name]} {name}" for name in VERDICTS)


def claim_row(study: Study, ledger: Ledger, item: Judged) -> dict[str, Any]:
    """One row of claims.csv: the claim, its verdict, and the component that decided it or prevents a decision."""
    claim, verdict, shown = item.claim, item.verdict, item.verdict.shown
    return {
        "study": study.name,
        "dataset": item.dataset,
        "ledger": ledger.name,
        "id": claim.id,
        "source": ledger.citation,
        "where": claim.where,
        "statement": claim.statement,
        "quantity": claim.quantity,
        "criterion": claim.criterion,
        "reported": claim.reported,
        "verdict": verdict.name,
        "reason": verdict.reason,
        "evidence": evidence_text(verdict) if shown else "",
        "remark": verdict.remark,
        "shown": shown.what if shown else "",
        **(_numbers(shown) if shown else dict.fromkeys(("effect", "ci_low", "ci_high", "claimed", "bound"))),
        "unit": shown.unit if shown else "",
        "n": shown.test.n if shown else None,
        "num_components": len(verdict.components),
        "num_supporting": sum(part.supports for part in verdict.components),
        "test": claim.test or "",
        "run_ids": " ".join(verdict.runs),
    }


def _numbers(part: Component) -> dict[str, Any]:
    """Effect, interval and claim of a component, as they are printed: ``effect`` is claimed > or < ``bound``."""
    low, high = part.interval_shown or (None, None)
    return {
        "effect": None if part.test.mean is None else part.as_shown(part.test.mean),
        "ci_low": low,
        "ci_high": high,
        "claimed": "<" if part.flipped else ">",
        "bound": part.as_shown(part.margin),
    }


def component_row(item: Judged, part: Component) -> dict[str, Any]:
    """One row of claims_components.csv; a small p says that the comparison is shown, or contradicted."""
    return {
        "dataset": item.dataset,
        "id": item.claim.id,
        "what": part.what,
        "unit": part.unit,
        **_numbers(part),
        "n": part.test.n,
        "p_shown": part.test.p_above,
        "p_contradicted": part.test.p_below,
        "holds": part.supports,
        "blocked": part.blocked,
        "values": " ".join(repr(part.as_shown(value)) for value in part.values),
    }


COMPONENT_COLUMNS = [
    "dataset",
    "id",
    "what",
    "unit",
    "effect",
    "ci_low",
    "ci_high",
    "claimed",
    "bound",
    "n",
    "p_shown",
    "p_contradicted",
    "holds",
    "blocked",
    "values",
]


def evidence_text(verdict: Verdict) -> str:
    """``SNGAN at A better than BN at A: 0.35 [0.21, 0.49] IS, n = 3; 14 of 15 comparisons hold``."""
    shown = verdict.shown
    if shown is None or shown.test.mean is None:
        return verdict.reason or MISSING
    effect, bounds = shown.as_shown(shown.test.mean), shown.interval_shown
    if bounds and (half := half_width(*bounds)):
        text = f"{shown.what}: {number(effect, decimals_by(half, 0))} {interval(*bounds, 0)}"
    else:
        text = f"{shown.what}: {amount(effect)}" + (f" [{amount(bounds[0])}, {amount(bounds[1])}]" if bounds else "")
    text += f" {shown.unit}" if shown.unit else ""
    if shown.margin:
        text += f", claimed {'<' if shown.flipped else '>'} {amount(shown.as_shown(shown.margin))}"
    if not shown.exact:
        text += f", n = {shown.test.n}"
    if len(verdict.components) > 1:
        held = sum(part.supports for part in verdict.components)
        text += f"; {held} of {len(verdict.components)} comparisons hold"
    if verdict.name == "undecided" and shown.test.p_below <= TAIL:
        text += "; contradicted, but not after correction for their number"
    return text + (f"; {shown.blocked}" if shown.blocked else "") + (f"; {verdict.remark}" if verdict.remark else "")


def claims_table(rows: list[dict[str, Any]], dataset: str) -> PrintedTable:
    """The verdicts that rest on data, in the order of the ledger."""
    decided = [row for row in rows if row["verdict"] != "not run"]
    cells = []
    for row in decided:
        theirs = f" (Their numbers: {row['reported']}.)" if row["reported"] else ""
        cells.append([row["id"], row["statement"] + theirs, row["verdict"], row["evidence"]])
    bold = {(line, 2) for line, row in enumerate(decided) if row["verdict"] in ("supported", "not supported")}
    caption = (
        f"{dataset}: verdicts on the claims that this study can test. The evidence is the comparison that decides, or "
        "that prevents a decision: its mean over n pairs of training seeds, the 95 % interval of Student's t, the "
        "claimed bound if it is not 0, and how many comparisons of the claim hold. Their numbers: the result by "
        "the source's own values."
    )
    return PrintedTable(f"claims-{dataset}", caption, "lplp", ["Id", "Claim", "Verdict", "Evidence"], cells, bold)


def reasons_table(rows: list[dict[str, Any]], dataset: str) -> PrintedTable:
    """The claims that could not be tested, and what they would need."""
    cells = [[row["id"], row["statement"], row["reason"]] for row in rows if row["verdict"] == "not run"]
    caption = f"{dataset}: claims that this study has not tested, and the reasons."
    return PrintedTable(f"claims-not-run-{dataset}", caption, "lpp", ["Id", "Claim", "Reason"], cells)
