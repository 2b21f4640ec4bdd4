"""A study as a bundle, and what a reviewer finds out about it in another folder."""

from __future__ import annotations

import errno
import hashlib
import json
import zipfile
from pathlib import Path

import pytest
import torch
from api_support import STUDY

import sngan_repro as sr
from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.outputs import figure_files
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.api import verify
from sngan_repro.api.bundle import CHECKSUMS, METADATA, make_bundle
from sngan_repro.api.unpack import unpack
from sngan_repro.api.verify import verify_bundle
from sngan_repro.config.machine import MachineConfig
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.score_real import score_real
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import make_study
from sngan_repro.workflow.links import link_runs

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
RUN = "digits/SNGAN/C/seed0"


@pytest.fixture(scope="module")
def bundle(place: Path, tmp_path_factory) -> Path:
    """The bundle of the tiny study, with stand-ins for the files that make no difference here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        study = sr.load_study("quick")
        layout = Layout.of(MachineConfig(), study)
        for path in [layout.report_html, layout.report_pdf, *figure_files(study, layout)]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("drawn")
        out = tmp_path_factory.mktemp("bundle") / "quick.zip"
        file = place / "config/studies/quick.yaml"
        names = make_bundle(study, layout, file, out, root=ROOT)
    with zipfile.ZipFile(out) as archive:
        assert sorted(archive.namelist()) == names
    return out


def scores_name() -> str:
    """The name of the scores of a run in the bundle."""
    scoring, _ = make_study({**STUDY, "name": "quick"}).evaluations
    return f"results/quick/runs/{RUN}/scores-{scoring}.json"


def edited(bundle: Path, out: Path, changes: dict[str, bytes | None], honest: bool = False) -> Path:
    """A copy of a bundle with files changed, added, or removed (None). honest: the checksums are made to fit."""
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files = {name: content for name, content in (files | changes).items() if content is not None}
    if honest:
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != CHECKSUMS}
        files[CHECKSUMS] = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out


def content_of(bundle: Path, name: str) -> bytes:
    with zipfile.ZipFile(bundle) as archive:
        return archive.read(name)


def outcomes(checks) -> dict[str, str]:
    return {check.what: check.outcome for check in checks}


def test_checksums_are_those_of_sha256sum(bundle):
    lines = content_of(bundle, CHECKSUMS).decode().splitlines()
    with zipfile.ZipFile(bundle) as archive:
        assert len(lines) == len(archive.namelist()) - 1
    for line in lines[:: len(lines) // 10]:
        digest, name = line.split("  ")
        assert hashlib.sha256(content_of(bundle, name)).hexdigest() == digest


def test_the_description_names_every_file_and_the_run_of_the_workflow(bundle):
    """Workflow Run RO-Crate 0.5: profiles, main entity, and an action with instrument, object and results."""
    graph = {entity["@id"]: entity for entity in json.loads(content_of(bundle, METADATA))["@graph"]}
    root = graph["./"]
    assert {"https://w3id.org/ro/wfrun/workflow/0.5"} <= {entity["@id"] for entity in root["conformsTo"]}
    assert root["mainEntity"] == {"@id": "Snakefile"}
    assert set(graph["Snakefile"]["@type"]) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    with zipfile.ZipFile(bundle) as archive:
        data = set(archive.namelist()) - {METADATA, CHECKSUMS}
    assert {part["@id"] for part in root["hasPart"]} == data <= graph.keys()
    action = graph["#run"]
    assert (action["@type"], action["instrument"]) == ("CreateAction", {"@id": "Snakefile"})
    assert action["object"] == {"@id": "config/studies/quick.yaml"} or action["object"] == [
        {"@id": "config/studies/quick.yaml"}
    ]
    assert {"@id": "results/quick/tables/summary.csv"} in action["result"]
    assert root["mentions"] in ({"@id": "#run"}, [{"@id": "#run"}])


def test_an_honest_bundle_is_confirmed(bundle, tmp_path, place):
    """Scored again and trained again in another folder, with the images and the evaluator that are prepared there."""
    checks = verify_bundle(bundle, tmp_path, [RUN], [RUN], data_dir=place / "data", device="cpu")
    assert outcomes(checks) == {
        "checksums": "same",
        "tables": "same",
        f"scores of {RUN}": "same",
        f"training of {RUN}": "same",
    }
    assert "2 snapshots with the same bytes" in checks[-1].detail


def test_a_training_gets_as_many_threads_as_it_had(bundle, tmp_path, place, monkeypatch):
    """With another number the sums of floats differ, and so the bytes."""
    used = []

    def noted(*_: object) -> None:
        used.append(torch.get_num_threads())
        raise ConfigError("not trained")

    monkeypatch.setattr(verify, "train_run", noted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for number, threads in enumerate((None, 3)):
            verify_bundle(bundle, tmp_path / str(number), 0, [RUN], place / "data", "cpu", threads=threads)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert used == [1, 3]


def test_runs_are_drawn_if_none_is_named(bundle, tmp_path, place):
    first, second = (
        verify_bundle(bundle, tmp_path / str(number), 2, 0, data_dir=place / "data", device="cpu") for number in (0, 1)
    )
    assert first == second
    assert len({check.what for check in first}) == 4
    with pytest.raises(ConfigError, match="rescore: no trained run is called digits/SNGAN/Z/seed0"):
        verify_bundle(bundle, tmp_path / "z", ["digits/SNGAN/Z/seed0"], 0, data_dir=place / "data", device="cpu")


def test_one_edited_number_is_found(bundle, tmp_path, place):
    name = "results/quick/tables/summary.csv"
    table = content_of(bundle, name).replace(b",2,", b",3,", 1)
    changed = edited(bundle, tmp_path / "a.zip", {name: table})
    (check,) = verify_bundle(changed, tmp_path / "a", 0, 0)
    assert (check.what, check.outcome, check.detail) == ("checksum", "differs", f"{name} was changed")
    # With checksums that fit, the table is still not what the scores give.
    honest = edited(bundle, tmp_path / "b.zip", {name: table}, honest=True)
    checks = verify_bundle(honest, tmp_path / "b", 0, 0)
    assert checks[1].outcome == "differs"
    assert "summary.csv" in checks[1].detail


def test_an_edited_score_is_found_by_scoring_again(bundle, tmp_path, place):
    """The scores are edited, and the tables are made from them: only the snapshot tells the truth."""
    name = scores_name()
    scores = json.loads(content_of(bundle, name))
    del scores["checksum"]  # as if an earlier version had written it
    for record in scores["records"]:
        if record["metric"].startswith("fid600") and record["value"] is not None:
            record["value"] *= 0.9
    changed = edited(bundle, tmp_path / "a.zip", {name: json.dumps(scores).encode()}, honest=True)
    checks = verify_bundle(changed, tmp_path / "a", [RUN], 0, data_dir=place / "data", device="cpu")
    found = {check.what: check for check in checks}
    assert found[f"scores of {RUN}"].outcome == "differs"
    assert "fid600_train@classifier is" in found[f"scores of {RUN}"].detail


def test_another_snapshot_is_found(bundle, tmp_path, place):
    own, other = (f"results/quick/runs/digits/SNGAN/C/seed{seed}/snapshots/00000006.safetensors" for seed in (0, 1))
    changed = edited(bundle, tmp_path / "a.zip", {own: content_of(bundle, other)}, honest=True)
    checks = verify_bundle(changed, tmp_path / "a", [RUN], 0, data_dir=place / "data", device="cpu")
    assert outcomes(checks)[f"scores of {RUN}"] == "differs"


def test_missing_and_added_files(bundle, tmp_path):
    changed = edited(bundle, tmp_path / "a.zip", {"results/quick/tables/runs.csv": None, "extra.txt": b"x"})
    details = {check.detail for check in verify_bundle(changed, tmp_path / "a", 0, 0)}
    assert details == {"results/quick/tables/runs.csv is missing", "extra.txt is not listed"}


@pytest.mark.parametrize("name", ["../outside.txt", "/absolute.txt", "a\\b.txt"])
def test_names_that_leave_the_bundle_are_refused(bundle, tmp_path, name):
    changed = edited(bundle, tmp_path / "a.zip", {name: b"x"})
    with pytest.raises(ConfigError, match="leaves the bundle"):
        verify_bundle(changed, tmp_path / "a", 0, 0)
    assert not (tmp_path / "outside.txt").exists()


def test_files_that_are_no_bundle(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK nothing")
    with pytest.raises(ConfigError, match=r"nowhere\.zip: no such file; give the zip"):
        verify_bundle(tmp_path / "nowhere.zip", tmp_path / "work", 0, 0)
    with pytest.raises(ConfigError, match="not a readable zip"):
        verify_bundle(tmp_path / "x.zip", tmp_path / "x", 0, 0)
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(ConfigError, match="has no SHA256SUMS"):
        verify_bundle(tmp_path / "y.zip", tmp_path / "y", 0, 0)


def test_an_unfinished_study_has_no_bundle(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    study = sr.load_study("quick")
    layout = Layout(study.name, tmp_path / "results", tmp_path / "data")
    with pytest.raises(ConfigError, match="no such file; run the study to its report first"):
        make_bundle(study, layout, place / "config/studies/quick.yaml", tmp_path / "x.zip", root=ROOT)


def test_a_table_may_differ_in_the_last_digits_only(bundle, tmp_path):
    name = "results/quick/tables/summary.csv"
    text = content_of(bundle, name).decode()
    header, *rows = text.splitlines()
    column = header.split(",").index("mean")
    cells = [row.split(",") for row in rows]
    for row in cells:
        if row[column]:
            row[column] = repr(float(row[column]) * (1 + 1e-13))
    close = "\n".join([header, *(",".join(row) for row in cells)]) + "\n"
    assert close != text
    changed = edited(bundle, tmp_path / "a.zip", {name: close.encode()}, honest=True)
    assert outcomes(verify_bundle(changed, tmp_path / "a", 0, 0)) == {"checksums": "same", "tables": "same"}


def test_damaged_results_are_a_finding_and_no_crash(bundle, tmp_path):
    name = scores_name()
    changed = edited(bundle, tmp_path / "a.zip", {name: b"[]"}, honest=True)
    checks = verify_bundle(changed, tmp_path / "a", 2, 1)
    assert outcomes(checks) == {"checksums": "same", "tables": "differs"}
    assert Path(scores_name()).name in checks[1].detail


def test_a_changed_study_is_bundled_with_its_file_and_its_changes(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    study = sr.load_study("quick", ["seeds=[1]"])
    layout, images = Layout.of(MachineConfig(), study), study.datasets["digits"]
    link_runs(study, layout)
    evaluators = {"classifier": layout.evaluator(images, "classifier", study.classifier)}
    real = layout.real_scores("digits")
    score_real(list(study.scores), "digits", study.name, layout.dataset(images), evaluators, real)
    aggregate(study, layout)
    make_tables(study, layout)
    for path in [layout.report_html, layout.report_pdf, *figure_files(study, layout)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("drawn")
    out = tmp_path / "changed.zip"
    make_bundle(study, layout, place / "config/studies/quick.yaml", out, root=ROOT)
    names = zipfile.ZipFile(out).namelist()
    assert "config/studies/quick.yaml" in names
    assert "results/quick+seeds=1/runs/digits/SNGAN/C/seed1/spec.json" in names
    assert not any("seed0" in name for name in names)
    checks = verify_bundle(out, tmp_path / "work", 1, 0, data_dir=place / "data", device="cpu")
    assert [check.outcome for check in checks] == ["same"] * 3


def test_an_encrypted_zip_is_refused(tmp_path):
    file = tmp_path / "bundle.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(CHECKSUMS, "")
    data = bytearray(file.read_bytes())
    data[6] |= 1  # the flag of encryption in the header of the file
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the list of files
    file.write_bytes(data)
    with pytest.raises(ConfigError, match="not a readable zip"):
        unpack(file, tmp_path / "work")


def test_a_full_disk_while_unpacking_is_named(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as archive:
        archive.writestr(CHECKSUMS, "")

    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    with pytest.raises(ConfigError, match="work: no space left"):
        unpack(tmp_path / "bundle.zip", tmp_path / "work")
