"""Runs are shared by studies: links, results of an earlier version, and what no study uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import synthetic
import yaml
from synthetic import Case, make_case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.load import read_runs
from sngan_repro.cli.main import main
from sngan_repro.config.machine import MachineConfig
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import file_lock, read_json, write_json
from sngan_repro.core.schema import ConfigError, text_digest
from sngan_repro.study.study import Study
from sngan_repro.workflow.links import check_migrated, link_runs
from sngan_repro.workflow.locks import study_lock
from sngan_repro.workflow.migrate import migrate
from sngan_repro.workflow.runs import PlannedRuns
from sngan_repro.workflow.unused import remove, unused


def one_study(**changes) -> Study:
    return synthetic.make_study(**{"methods": ["sngan", "wgan_gp"], "settings": {"A": {"lr": 0.001}}, **changes})


# Names.


def test_a_run_does_not_depend_on_the_names_of_a_study():
    study, copy = (
        one_study(),
        one_study(
            name="copy",
            title="Another title",
            datasets={"renamed": {"source": "digits", "image_size": 16}},
            methods=[{"name": "wgan_gp", "label": "Second"}, {"name": "sngan", "label": "First"}],
            settings={"Z": {"lr": 0.001}},
            scores=[{"evaluator": "classifier", "num_fake": 300, "kid_subset_size": 100}],
        ),
    )
    assert {run.name for run in study.runs()} == {run.name for run in copy.runs()}
    assert {run.digest() for run in study.runs()} == {run.digest() for run in copy.runs()}
    assert study.evaluations[0] != copy.evaluations[0]  # they share the training, and not the scores
    run = study.runs()[0]
    assert run.name == f"sngan-digits-16px-d3139fc0-seed0-{run.digest()}"
    assert not {"study", "dataset", "label", "setting"} & run.to_dict().keys()
    assert run.to_json() == json.dumps(run.to_dict(), sort_keys=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"A": {"lr": 0.002}}},
        {"budget": {"steps": 300}},
        {"nets": {"width": 32}},
        {"training": {"batch_size": 32}},
        {"snapshots": {"count": 2}},
        {"seeds": [2, 3]},
        {"datasets": {"digits": {"source": "digits", "image_size": 32}}},
        {"methods": [{"name": "sngan", "loss": "standard"}, {"name": "wgan_gp", "penalty_weight": 1}]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_run_depends_on_everything_else(changes):
    assert not {run.name for run in one_study().runs()} & {run.name for run in one_study(**changes).runs()}


def test_a_relative_path_means_other_images_in_another_folder(tmp_path: Path, monkeypatch):
    names = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        (folder / "images").mkdir(parents=True)
        monkeypatch.chdir(folder)
        data = {"source": "images", "path": "images", "image_size": 16, "test_fraction": 0.5}
        names.append({run.name for run in one_study(datasets={"mine": data}).runs()})
    assert not names[0] & names[1]


def test_two_cells_of_a_study_may_be_one_run():
    study = one_study(methods=["sngan", {"name": "sngan", "label": "Again"}], seeds=[0])
    runs = PlannedRuns(study)
    (name,) = runs.specs
    assert f"{runs:{name}}" == "SNGAN, setting A, seed 0 on digits, the same as Again, setting A, seed 0 on digits"
    assert runs.groups(2) == {name: "together0"}
    with pytest.raises(ConfigError, match="no run 'x' in study 'invented'"):
        runs["x"]


# Links.


def test_links_follow_the_study_file(tmp_path: Path):
    study, edited = one_study(), one_study(methods=["sngan", {"name": "bn", "label": "Other"}])
    layout = synthetic.layout_of(study, tmp_path)
    link_runs(study, layout)
    link = layout.run("digits/SNGAN/A/seed0").root
    first = layout.stored(study.runs()[0]).root
    assert not link.exists()  # the run is not there yet
    first.mkdir(parents=True)
    assert link.samefile(first)
    link_runs(edited, layout)
    assert not (layout.links / "digits/WGAN-GP").exists()
    assert (layout.links / "digits/Other/A/seed1").is_symlink()
    moved = tmp_path / "moved"
    layout.results_dir.rename(moved)
    assert (moved / "invented/runs/digits/SNGAN/A/seed0").samefile(moved / "runs" / first.name)


def test_results_of_an_earlier_version_are_no_reason_to_train(tmp_path: Path):
    case = make_case(tmp_path, one_study())
    with pytest.raises(ConfigError, match=r"seed0: an earlier version .* Move the 4 runs .*: sngan-repro migrate"):
        check_migrated(case.layout)


# Results of an earlier version.


def make_older(case: Case) -> None:
    """Write the files of all runs as the version before wrote them."""
    for run in case.study.runs():
        paths = case.layout.run(run.id)
        names = {"study": case.study.name, "dataset": run.dataset, "label": run.label, "setting": run.setting}
        spec = {**names, **run.to_dict()}
        digest = text_digest(json.dumps(spec, sort_keys=True))
        write_json(paths.spec, spec)
        write_json(paths.status, read_json(paths.status) | {"spec_digest": digest})
        scores = read_json(paths.scores)
        records = [{**names, **record} for record in scores["records"]]
        write_json(paths.root / "scores.json", scores | {"spec_digest": digest, "records": records})
        paths.scores.unlink()


@pytest.fixture
def older(tmp_path: Path) -> Case:
    case = make_case(tmp_path, one_study())
    aggregate(case.study, case.layout)
    make_older(case)
    return case


def test_migration_keeps_every_training_and_score(older: Case):
    tables = {path.name: path.read_text() for path in older.layout.tables.glob("*.csv")}
    assert tables
    before = [read_json(older.layout.run(run.id).status)["seconds"] for run in older.study.runs()]
    moved = migrate(older.layout, older.study)
    assert [(each.run, each.remark) for each in moved] == [(run.id, "") for run in older.study.runs()]
    assert {each.place for each in moved} == {older.layout.stored(run).root for run in older.study.runs()}
    check_migrated(older.layout)
    for run in older.study.runs():
        assert older.layout.run(run.id).root.samefile(older.layout.stored(run).root)
        assert RunSpec.model_validate(read_json(older.layout.stored(run).spec)).digest() == run.digest()
    assert [run.status.seconds for run in read_runs(older.study, older.layout)] == before
    aggregate(older.study, older.layout)
    assert {path.name: path.read_text() for path in older.layout.tables.glob("*.csv")} == tables
    assert migrate(older.layout, older.study) == []


def test_migration_keeps_galleries(tmp_path: Path):
    """Files that are older than the new status.json would be made again by Snakemake."""
    study = one_study(gallery={"look_alikes": 2})
    case = make_case(tmp_path, study)
    make_older(case)
    for run in study.runs():
        paths = case.layout.run(run.id)
        for file in (paths.gallery, paths.gallery_images):
            file.unlink(missing_ok=True)
        write_json(paths.root / "gallery.json", {"gallery": study.gallery.to_dict(), "evaluator": "classifier"})
        (paths.root / "gallery.npz").write_bytes(b"images")
    migrate(case.layout, study)
    for run in study.runs():
        paths = case.layout.stored(run)
        assert read_json(paths.gallery)["spec_digest"] == run.digest()
        assert paths.gallery_images.read_bytes() == b"images"
        written = [file.stat().st_mtime_ns for file in (paths.status, paths.gallery_images, paths.gallery)]
        assert written == sorted(written)
        assert not (paths.root / "gallery.npz").exists()


def test_what_cannot_be_kept_is_put_aside_or_made_again(older: Case):
    first, second, third, fourth = older.study.runs()
    older.layout.run(first.id).status.unlink()  # its training was interrupted
    edited = read_json(older.layout.run(second.id).spec) | {"seed": 7}
    write_json(older.layout.run(second.id).spec, edited)
    scores = older.layout.run(third.id).root / "scores.json"
    records = read_json(scores)["records"]
    records[0]["protocol"]["num_fake"] = 50
    write_json(scores, read_json(scores) | {"records": records})
    moved = {each.run: each for each in migrate(older.layout, older.study)}
    assert "it is made again: " in moved[first.id].remark
    assert "status.json: no such file" in moved[first.id].remark
    assert "belongs to another specification" in moved[second.id].remark
    assert moved[second.id].place == older.layout.root / "earlier" / second.id
    assert "scored again: " in moved[third.id].remark
    assert "scored with num_fake = 50" in moved[third.id].remark
    assert moved[fourth.id].remark == ""
    link_runs(older.study, older.layout)  # the places are free
    assert older.layout.stored(third).status.exists()
    assert not older.layout.stored(third).scores.exists()


def test_a_study_without_a_file_keeps_its_trainings(older: Case, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with study_lock(older.layout), pytest.raises(SystemExit):
        main(["migrate"])
    assert "another Snakemake works on this study" in capsys.readouterr().err
    main(["migrate"])
    printed = capsys.readouterr().out
    assert "invented: digits/SNGAN/A/seed0 -> results/runs/sngan-digits-16px-" in printed
    assert "(scored again: the study has no file)" in printed
    assert printed.splitlines()[-1] == "4 runs moved"
    main(["migrate"])
    assert capsys.readouterr().out == "no runs of an earlier version\n"


# What no study uses.


@pytest.fixture
def kept(tmp_path: Path, monkeypatch) -> Case:
    """A study file, the runs that it uses, and those of an earlier form of it, below the working folder."""
    monkeypatch.chdir(tmp_path)
    case = Case(one_study(), synthetic.layout_of(one_study(), Path()))
    older = one_study(settings={"A": {"lr": 0.5}}, datasets={"digits": {"source": "digits", "image_size": 32}})
    for study in (case.study, older):
        for run in study.runs():
            write_json(case.layout.stored(run).spec, run.to_dict())
        for dataset in study.datasets.values():
            write_json(case.layout.dataset(dataset) / "dataset.json", {})
            write_json(case.layout.evaluator(dataset, "classifier", study.classifier) / "evaluator.json", {})
    values = case.study.to_dict()
    del values["name"]
    Path("config/studies").mkdir(parents=True)
    Path("config/studies/invented.yaml").write_text(yaml.safe_dump(values))
    return case


def paths_of(found) -> set[str]:
    return {path.name for item in found for path in item.paths}


def test_clean_removes_what_no_study_file_uses(kept: Case, capsys):
    before = set(Path().rglob("*"))
    main(["clean"])
    printed = capsys.readouterr().out
    assert printed.count("unused  ") == 4 + 2  # four runs; images and their evaluators
    assert "Nothing was removed" in printed
    assert set(Path().rglob("*")) == before
    main(["clean", "--yes"])
    assert capsys.readouterr().out.count("removed  ") == 6
    assert {path.name for path in kept.layout.store.iterdir()} == {run.name for run in kept.study.runs()}
    assert [path.name for path in Path("data/prepared").iterdir()] == ["digits-16px-d3139fc0"]
    main(["clean", "--yes"])
    assert "every run and all prepared data are used" in capsys.readouterr().out


def test_clean_keeps_what_a_link_leads_to_and_what_is_in_use(kept: Case):
    other = one_study(name="elsewhere", settings={"A": {"lr": 0.5}})
    link_runs(other, synthetic.layout_of(other, Path()))
    other_size = one_study(settings={"A": {"lr": 0.5}}, datasets={"d": {"source": "digits", "image_size": 32}})
    found, _ = unused(MachineConfig())
    assert paths_of(found) == {run.name for run in other_size.runs()} | {other_size.datasets["d"].id}
    item = found[0]
    with file_lock(item.lock, wait=False):
        assert not remove(item)
    assert item.paths[0].exists()
    assert remove(item)
    assert not item.paths[0].exists()


def test_clean_keeps_the_results_of_a_study_that_cannot_be_read(kept: Case, capsys):
    link_runs(kept.study, kept.layout)
    Path("config/studies/invented.yaml").write_text("title: Broken\n")
    main(["clean", "--yes"])
    assert "so only what their results link to is kept: invented" in capsys.readouterr().err
    assert {path.name for path in kept.layout.store.iterdir()} == {run.name for run in kept.study.runs()}
