"""Results of an earlier version, which kept the runs of a study in the folder of the study."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sngan_repro.analysis.load import check_protocol
from sngan_repro.config.records import Record, Scores, Status, check_record, read_json_record, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import write_json
from sngan_repro.core.schema import ConfigError, text_digest
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.evaluation.selection import RESAMPLE_SEED
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study
from sngan_repro.workflow.links import earlier_runs
from sngan_repro.workflow.locks import study_lock

ASIDE = "earlier"
"""The folder of a study for what cannot be moved among the runs of all studies."""


@dataclass(frozen=True)
class Moved:
    """One run of an earlier version."""

    run: str
    """dataset/label/setting/seed<k>"""
    place: Path
    """Where it is now."""
    remark: str
    """Empty, or why something is made again."""


def migrate(layout: Layout, study: Study | None) -> list[Moved]:
    """Move the runs in the folder of a study among those of all studies, and leave links in their place.

    Their specifications lose the names of the study. So their digests change, and with them the entries in the files
    of the run that name them; snapshots keep their bytes. study: its file as it is now; its scores are kept if they
    were made under the protocols of this file. None: only trainings are kept. A folder that is no complete run, or
    whose run is there already, is put aside, into ``earlier/`` of the study's folder. The same call goes on after an
    interruption. Raises ConfigError while a Snakemake works on the study.
    """
    if not earlier_runs(layout):
        return []
    with study_lock(layout):
        shutil.rmtree(layout.root / "checked", ignore_errors=True)
        return [_migrated(folder, layout, study) for folder in earlier_runs(layout)]


def _migrated(folder: Path, layout: Layout, study: Study | None) -> Moved:
    run_id, run = folder.relative_to(layout.links).as_posix(), RunPaths(folder)
    try:
        spec = _with_new_digest(run)
    except ConfigError as error:
        return _aside(folder, layout, f"it is made again: {error}")
    target = layout.stored(spec)
    if target.root.exists():
        return _aside(folder, layout, "the same run is among those of all studies")
    remark = _keep_scores(run, spec, layout, study)
    target.root.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(target.root)
    folder.symlink_to(os.path.relpath(target.root, folder.parent), target_is_directory=True)
    return Moved(run_id, target.root, remark)


def _with_new_digest(run: RunPaths) -> RunSpec:
    """The specification of a complete run, whose files are written anew. Raises ConfigError for any other folder."""
    stored = read_json_record(run.spec, "it is no run")
    status = read_record(Status, run.status, "it is no complete run")
    spec = check_record(RunSpec, stored, run.spec, "it is no run of this version")
    if "program" in status:
        raise ConfigError("the run of a program now depends on the code of the program")
    if status["spec_digest"] not in (text_digest(json.dumps(stored, sort_keys=True)), spec.digest()):
        raise ConfigError(f"{run.status} belongs to another specification than {run.spec}")
    write_sealed_json(run.status, status | {"spec_digest": spec.digest()})
    write_json(run.spec, spec.to_dict())
    return spec


def _keep_scores(run: RunPaths, spec: RunSpec, layout: Layout, study: Study | None) -> str:
    """Write scores and gallery under their new names; a remark if the scores are made again."""
    new = RunPaths(run.root, layout.scoring, layout.gallery)
    if study is None:
        return "scored again: the study has no file"
    try:
        scores = read_record(Scores, run.scores, "")
        _check_protocols(study, scores, run.scores)
    except ConfigError as error:
        return f"scored again: {error}"
    names = RunSpec.earlier
    records = [{key: value for key, value in r.items() if key not in names} for r in scores["records"]]
    write_sealed_json(new.scores, scores | {"spec_digest": spec.digest(), "records": records})
    run.scores.unlink()
    if study.gallery and run.gallery.exists():
        record: dict[str, Any] = read_json_record(run.gallery, "")
        if (record.get("gallery"), record.get("evaluator")) == (study.gallery.to_dict(), study.scores[0].evaluator):
            run.gallery_images.rename(new.gallery_images)
            new.gallery_images.touch()  # newer than status.json, so Snakemake does not make it again
            write_sealed_json(new.gallery, record | {"spec_digest": spec.digest()})
            run.gallery.unlink()
    return ""


def _check_protocols(study: Study, scores: dict[str, Any], path: Path) -> None:
    records = [Record.model_validate(record) for record in scores["records"]]
    if {record.metric for record in records} != set(study.metric_names):
        raise ConfigError(f"{path}: not the metrics of the study file")
    for record in records:
        check_protocol(study, record, path, (RESAMPLE_SEED,) if record.selection else (0, None))


def _aside(folder: Path, layout: Layout, remark: str) -> Moved:
    run_id = folder.relative_to(layout.links).as_posix()
    place = layout.root / ASIDE / run_id
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(place)
    return Moved(run_id, place, remark)
