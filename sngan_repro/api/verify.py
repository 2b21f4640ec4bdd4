"""Checks of a bundle: its checksums, its tables from its scores, its scores from its snapshots, trainings anew."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sngan_repro.analysis.stats import interval_reach, summarise
from sngan_repro.analysis.summary import by_seed, read_results
from sngan_repro.api.generators import load_generator
from sngan_repro.api.remade import changed_tables
from sngan_repro.api.scoring import score_images
from sngan_repro.api.training import train_run
from sngan_repro.api.unpack import unpack, wrong_files
from sngan_repro.config.records import Scores, Status, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import StudyRun
from sngan_repro.core.files import file_sha256
from sngan_repro.core.lazy import torch
from sngan_repro.core.runtime import cpu_threads
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.study.changes import recorded_changes
from sngan_repro.study.layout import CHANGES, Layout
from sngan_repro.study.load import load_study
from sngan_repro.study.study import Study

TOLERANCE = 1e-4
"""Relative difference of a score that counts as equal: other CPUs sum in another order."""
DAMAGED = "this bundle is damaged"
Outcome = Literal["same", "agrees", "differs", "not checked"]


@dataclass(frozen=True)
class Check:
    """The result of one check of a bundle.

    outcome: "same": equal bytes, or scores equal up to rounding. "agrees": other bytes, and a score where one more
    training seed would be expected. "differs": anything else. "not checked": it cannot be checked here; see ``detail``.
    """

    what: str
    outcome: Outcome
    detail: str = ""


def verify_bundle(
    bundle: Path,
    work: Path,
    rescore: Sequence[str] | int = 3,
    retrain: Sequence[str] | int = 0,
    data_dir: Path | str | None = None,
    device: str = "auto",
    report: Callable[[Check], None] = lambda check: None,
    threads: int | None = None,
) -> list[Check]:
    """Check a bundle in the folder ``work``, into which it is unpacked.

    rescore, retrain: the runs whose last snapshot is scored again, or that are trained again: ids such as
    ``digits/SNGAN/A/seed0``, or how many to draw (always the same ones). data_dir: where images and evaluators are, or
    are made. report: called with each result at once. threads: CPU threads of the trainings; None: as many as each run
    had, since the bytes depend on it. Raises ConfigError if the file is no bundle.
    """
    found: list[Check] = []
    for check in _checks(bundle, work, rescore, retrain, data_dir, device, threads):
        report(check)
        found.append(check)
    return found


def _checks(
    bundle: Path,
    work: Path,
    rescore: Sequence[str] | int,
    retrain: Sequence[str] | int,
    data_dir: Path | str | None,
    device: str,
    threads: int | None,
) -> Iterator[Check]:
    wrong, number = wrong_files(work, unpack(bundle, work))
    yield from (Check("checksum", "differs", text) for text in wrong)
    if wrong:
        return  # what follows would describe changed files
    yield Check("checksums", "same", f"{number} files")
    study = load_study(str(_study_file(work)), _changes(work))
    layout = Layout(study.name, work / "results", work / "data", *study.evaluations)
    try:
        changed = changed_tables(study, layout)
    except ConfigError as error:  # a file of a run is damaged, so nothing else can be checked
        yield Check("tables", "differs", f"they cannot be made again: {error}")
        return
    if changed:
        yield Check("tables", "differs", f"not what the scores give: {', '.join(changed)}")
    else:
        yield Check("tables", "same")
    for run in _chosen(study, rescore, "rescore"):
        yield _rescored(run, study, layout, data_dir, device)
    for run in _chosen(study, retrain, "retrain"):
        with cpu_threads(threads or _status(layout.run(run.id))["device"].get("threads") or torch.get_num_threads()):
            yield _retrained(run, study, layout, work, data_dir, device)


def _study_file(work: Path) -> Path:
    files = sorted((work / "config/studies").glob("*.yaml"))
    if len(files) != 1:
        raise ConfigError(f"{work}: expected one study file in config/studies, found {len(files)}")
    return files[0]


def _changes(work: Path) -> list[str]:
    """How the study of the bundle differs from its file, ``KEY=VALUE`` each."""
    records = [recorded_changes(file) for file in sorted(work.glob(f"results/*/{CHANGES}"))]
    return [text for changed in records for text in changed.texts]


def _status(run: RunPaths) -> dict[str, Any]:
    return read_record(Status, run.status, DAMAGED)


def _chosen(study: Study, wanted: Sequence[str] | int, option: str) -> list[StudyRun]:
    runs = {run.id: run for run in study.trained_runs()}
    if isinstance(wanted, int):
        ids = sorted(random.Random(0).sample(sorted(runs), min(wanted, len(runs))))
        return [runs[name] for name in ids]
    if unknown := [name for name in wanted if name not in runs]:
        raise ConfigError(f"{option}: no trained run is called {unknown[0]}; one is {next(iter(runs))}")
    return [runs[name] for name in wanted]


def _rescored(run: StudyRun, study: Study, layout: Layout, data_dir: Path | str | None, device: str) -> Check:
    what = f"scores of {run.id}"
    paths = layout.run(run.id)
    snapshot = _status(paths)["snapshots"][-1]
    path = paths.snapshot(snapshot["steps"])
    if not path.exists():
        return Check(what, "not checked", "its last snapshot is not in the bundle")
    if file_sha256(path) != snapshot["sha256"]:
        return Check(what, "differs", "its snapshot is not the one that the training wrote")
    try:
        new = _scores_of(path, study, run, data_dir, device)
    except ConfigError as error:  # for example the images are not here
        return Check(what, "not checked", str(error))
    records = {
        record["metric"]: record
        for record in read_record(Scores, paths.scores, DAMAGED)["records"]
        if record["steps"] == snapshot["steps"] and record["selection"] is None
    }
    apart, compared = [], 0
    for name, (value, digest) in new.items():
        stored = records[name]
        if stored["protocol"]["evaluator_digest"] != digest:
            return Check(what, "not checked", f"{name}: the evaluator was trained to other weights on this machine")
        if stored["value"] is None or value is None:
            continue
        compared += 1
        if abs(value - stored["value"]) > TOLERANCE * max(abs(stored["value"]), 1e-12):
            apart.append(f"{name} is {value:.6g}, stored is {stored['value']:.6g}")
    if apart:
        return Check(what, "differs", "; ".join(apart))
    return Check(what, "same", f"{compared} scores") if compared else Check(what, "not checked", "it has no score")


def _scores_of(
    snapshot: Path, study: Study, run: StudyRun, data_dir: Path | str | None, device: str
) -> dict[str, tuple[float | None, str]]:
    """Full metric name -> (value, digest of the evaluator) of a snapshot, for protocols without faults."""
    generator = load_generator(snapshot, device)
    found: dict[str, tuple[float | None, str]] = {}
    for protocol in study.scores:
        if not protocol.is_clean:
            continue
        images = generator.sample(protocol.num_fake, protocol.seed, protocol.batch_norm)
        scored = protocol.model_copy(update={"batch_norm": "running"})  # of images; they were sampled as stated
        table = score_images(images, run.data, scored, study.classifier, data_dir, device)
        names = dict(zip(table["metric"], metric_names(protocol).values(), strict=True))
        for row in table.to_dict("records"):
            value = None if row["value"] != row["value"] else float(row["value"])
            found[names[row["metric"]]] = value, row["evaluator_digest"]
    return found


def _retrained(
    run: StudyRun, study: Study, layout: Layout, work: Path, data_dir: Path | str | None, device: str
) -> Check:
    what = f"training of {run.id}"
    stored = _status(layout.run(run.id))
    try:
        trained = train_run(run, work / "retrained" / run.id, data_dir, device)
    except ConfigError as error:
        return Check(what, "not checked", str(error))
    pairs = list(zip(stored["snapshots"], trained.status["snapshots"], strict=False))
    equal = sum(old["sha256"] == new["sha256"] for old, new in pairs)
    if equal == len(stored["snapshots"]) and trained.status["state"] == stored["state"]:
        return Check(what, "same", f"{equal} snapshots with the same bytes")
    if trained.status["state"] != stored["state"]:
        return Check(what, "differs", f"it ended as {trained.status['state']}, stored is {stored['state']}")
    return _within_seeds(what, trained.snapshots[-1], run, study, layout, data_dir, device)


def _within_seeds(
    what: str, snapshot: Path, run: StudyRun, study: Study, layout: Layout, data_dir: Path | str | None, device: str
) -> Check:
    """Whether the scores of a new training are where one more seed would be: Student's t prediction interval."""
    new = _scores_of(snapshot, study, run, data_dir, device)
    texts, outside = [], False
    results = read_results(layout)
    for name in study.headline_metrics:
        value = new.get(name, (None, ""))[0]
        stored = summarise(list(by_seed(results, run.dataset, run.label, run.setting, name).values()))
        reach = interval_reach(stored.n)
        if value is None or stored.mean is None or stored.sd is None or reach is None:
            continue
        half = reach * stored.n**0.5 * stored.sd * (1 + 1 / stored.n) ** 0.5
        outside |= not stored.mean - half <= value <= stored.mean + half
        texts.append(f"{name} is {value:.4g}, one more seed is expected in {stored.mean:.4g} ± {half:.4g}")
    if not texts:
        return Check(what, "not checked", "other bytes, and too few seeds for an interval")
    return Check(what, "differs" if outside else "agrees", "; ".join(["other bytes", *texts]))


def as_json(checks: Sequence[Check]) -> str:
    """The checks as a JSON list."""
    return json.dumps([asdict(check) for check in checks], indent=2, ensure_ascii=False)
