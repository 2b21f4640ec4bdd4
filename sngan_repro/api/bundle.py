"""A finished study as one zip that others can check: a Workflow Run RO-Crate with checksums.

See https://w3id.org/ro/wfrun/workflow (profile 0.5) for the description. The zip has the folders of a clone, so that
its parts have their usual names.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from sngan_repro.analysis.outputs import aggregate_files, claim_files, figure_files, table_files
from sngan_repro.config.records import Status, read_record
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import atomic_path, file_sha256
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.version import __version__
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study

Snapshots = Literal["last", "all", "none"]
CHECKSUMS = "SHA256SUMS"
METADATA = "ro-crate-metadata.json"
PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
KINDS = {".yaml": "application/yaml", ".yml": "application/yaml", ".smk": "text/x-python", ".md": "text/markdown"}
"""Media types that Python may not know; they are not taken from the machine alone."""
WORKFLOW_FILES = ("Snakefile", "workflow/**/*", "constraints.txt", "environment.yml", "pyproject.toml", "LICENSE")


def make_bundle(
    study: Study, layout: Layout, study_file: Path, out: Path, snapshots: Snapshots = "last", root: Path = Path()
) -> list[str]:
    """Write a bundle of a finished study to ``out`` (a zip), and return the names of its files.

    It contains the study file, the workflow, and of each run the specification, status, log, scores, fixed samples and
    the snapshots that are chosen; the scores of real images; the descriptions of prepared images and of evaluators;
    tables, figures and the report; SHA256SUMS; and ro-crate-metadata.json. The images of the dataset are left out.

    root: the folder of the clone. Raises ConfigError that names the first file that is missing.
    """
    files = dict(_files(study, layout, study_file, snapshots, root))
    for path in files.values():
        if not path.is_file():
            raise ConfigError(f"{path}: no such file; run the study to its report first (snakemake --cores all)")
    sums = {name: file_sha256(path) for name, path in files.items()}
    metadata = _metadata(study, layout, files, root)
    sums[METADATA] = hashlib.sha256(metadata).hexdigest()
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.write(files[name], name)
        archive.writestr(METADATA, metadata)
        archive.writestr(CHECKSUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))
    return sorted([*sums, CHECKSUMS])


def study_name(study: Study) -> str:
    """The name of the study file in a bundle."""
    return f"config/studies/{study.changed.study if study.changed else study.name}.yaml"


def _files(
    study: Study, layout: Layout, study_file: Path, snapshots: Snapshots, root: Path
) -> Iterator[tuple[str, Path]]:
    """(name in the bundle, file) of everything but the checksums and the description."""
    yield study_name(study), study_file
    for pattern in WORKFLOW_FILES:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root).as_posix(), path
    results = [layout.report_html, layout.report_pdf, *aggregate_files(layout).values()]
    results += [*table_files(layout, study).values(), *claim_files(study, layout).values()]
    results += figure_files(study, layout)
    results += [layout.real_scores(dataset) for dataset in study.datasets]
    results += [layout.times] if study.benchmark else []
    results += [layout.changes] if study.changed else []
    results += [path for path in (layout.networks, layout.report_latex) if path.is_file()]
    for run in study.runs():
        results += _of_run(layout.run(run.id), snapshots)
    for path in results:
        yield f"results/{study.name}/{path.relative_to(layout.root).as_posix()}", path
    for dataset in study.datasets.values():
        shared = [layout.dataset(dataset) / "dataset.json"]
        shared += [layout.evaluator(dataset, name, study.classifier) / "evaluator.json" for name in study.evaluators]
        for path in shared:
            yield f"data/{path.relative_to(layout.data_dir).as_posix()}", path


def _of_run(run: RunPaths, snapshots: Snapshots) -> list[Path]:
    found = [run.spec, run.status, run.scores]
    optional = [run.log, run.spectra, run.samples / "final.npy", run.samples / "progress.npy"]
    optional += sorted(run.code.rglob("*")) if run.code.is_dir() else []
    found += [path for path in optional if path.is_file()]
    listed = _status(run)["snapshots"] if run.status.exists() else []
    kept = {"last": listed[-1:], "all": listed, "none": []}[snapshots]
    # An external program has samples in the place of snapshots, and they may be gone.
    return found + [path for snapshot in kept if (path := run.snapshot(snapshot["steps"])).exists()]


def _status(run: RunPaths) -> dict[str, Any]:
    return read_record(Status, run.status, "delete it and run the workflow again")


def _metadata(study: Study, layout: Layout, files: dict[str, Path], root: Path) -> bytes:
    """ro-crate-metadata.json: what is in the bundle, and that the workflow made the results from the study."""
    from rocrate.rocrate import ROCrate

    if "Snakefile" not in files:
        raise ConfigError(f"{root / 'Snakefile'}: no such file; run this in the folder of the clone")
    crate = ROCrate(gen_preview=False, version="1.1")  # the version that the profiles extend
    crate.name = study.title
    crate.description = study.description or f"Results of the study {study.name} of sngan-repro {__version__}."
    crate.license = "https://spdx.org/licenses/MIT"
    runs = [_status(layout.run(run.id)) for run in study.runs()]
    finished = max(run["finished"] for run in runs)
    crate.datePublished = finished
    crate.root_dataset["conformsTo"] = [crate.add_jsonld(_profile(address)) for address in PROFILES]
    workflow = crate.add_workflow(files["Snakefile"], "Snakefile", main=True, lang="snakemake")
    workflow["version"] = __version__
    workflow["name"] = "sngan-repro: data, training, scores, tables, figures and report of a study"
    entities: dict[str, Any] = {}
    for name, path in sorted(files.items()):
        if name != "Snakefile":
            kind = mimetypes.guess_type(name)[0] or KINDS.get(path.suffix, "application/octet-stream")
            properties = {"name": name, "contentSize": str(path.stat().st_size), "encodingFormat": kind}
            entities[name] = crate.add_file(path, name, properties=properties)
    made = [entity for name, entity in entities.items() if name.startswith("results/")]
    action = crate.add_action(
        workflow,
        identifier="#run",
        object=entities[study_name(study)],
        result=made,
        properties={
            "name": f"Run of the study {study.name}",
            "description": f"{len(runs)} trainings, their scores, and the tables, figures and report made from them",
            "startTime": min(run["started"] for run in runs),
            "endTime": finished,
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
    )
    crate.root_dataset["mentions"] = action
    return json.dumps(crate.metadata.generate(), indent=2, ensure_ascii=False).encode()


def _profile(address: str) -> dict[str, Any]:
    version = address.rstrip("/").rsplit("/", 1)[1]
    return {"@id": address, "@type": "CreativeWork", "name": address.split("/")[-2], "version": version}
