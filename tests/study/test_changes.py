"""Keys that one command replaces: paths, names of the changed study, and mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_origin

import pytest
import yaml

from sngan_repro.cli.main import main
from sngan_repro.config.machine import MachineConfig, join_changes, load_machine, split_changes
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.changes import FREE_NAMES, MAX_SUFFIX, change_values, recorded_changes
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import load_study
from sngan_repro.study.study import Study
from sngan_repro.workflow.links import link_runs

FILE = """
title: A study
datasets: {digits: {source: digits, image_size: 16}}
methods: [sngan, {name: wgan_gp, label: GP-1.5, penalty_weight: 5}, {name: bn, label: One}, {name: bn, label: Two}]
settings:
  A: &a {lr: 0.001, beta1: 0.5, beta2: 0.999}
  B.2: *a
seeds: [0, 1, 2]
budget: {steps: 10}
scores: [{evaluator: classifier, num_fake: 600, kid_subset_size: 100}]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "mine.yaml").write_text(FILE)
    return str(tmp_path / "mine.yaml")


def test_values_are_replaced_at_their_paths(file):
    study = load_study(
        file,
        [
            "budget.steps=20",
            "seeds=[3, 4]",
            "settings.B.2.lr=0.002",
            "methods.GP-1.5.penalty_weight=7",
            "methods.0.loss=standard",
            "training.batch_size=8",
            "scores.classifier.num_fake=300",
            "title='500'",
        ],
    )
    assert (study.budget.steps, study.seeds, study.title, study.training.batch_size) == (20, (3, 4), "500", 8)
    assert (study.settings["A"].lr, study.settings["B.2"].lr) == (0.001, 0.002)  # though the file has an alias
    assert study.settings["B.2"].beta2 == 0.999
    assert study.method_options["GP-1.5"].penalty_weight == 7
    assert study.method_options["SNGAN"].loss == "standard"
    assert study.scores[0].num_fake == 300
    assert load_study(file).budget.steps == 10


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (["budget.steps=20"], "mine+budget.steps=20"),
        (["seeds=[0, 1]", "budget.steps=20"], "mine+budget.steps=20+seeds=0,1"),
        (["budget.steps=20", "seeds=[0,1]"], "mine+budget.steps=20+seeds=0,1"),
        (["budget.steps=10"], "mine"),  # as in the file
        (["training={batch_size: 8}"], "mine+training=a9d6bc3b"),
        (["title=a b"], "mine+title=c8687a08"),
    ],
)
def test_name_of_the_changed_study(file, changes, name):
    study = load_study(file, changes)
    assert study.name == name
    assert (study.changed is None) == (name == "mine")
    assert Layout.of(MachineConfig(), study).root == Path("results") / name


def test_long_changes_become_one_digest(file):
    changes = [f"methods.{label}.nets={{width: {width}}}" for label, width in (("One", 8), ("Two", 16), ("sngan", 24))]
    study = load_study(file, changes)
    assert len(study.name) <= len("mine") + MAX_SUFFIX
    assert study.name.startswith("mine+set=")
    assert study.name == load_study(file, changes[::-1]).name
    assert study.name != load_study(file, changes[:2]).name
    assert len(study.changes) == 3


def test_what_is_as_in_the_file_has_the_runs_of_the_file(file):
    whole, part = load_study(file), load_study(file, ["seeds=[1]"])
    assert {run.name for run in part.runs()} == {run.name for run in whole.runs() if run.seed == 1}
    other = load_study(file, ["budget.steps=20"])
    assert not {run.name for run in other.runs()} & {run.name for run in whole.runs()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("budgt.steps=20", r"mine\.yaml with budgt\.steps=20: budgt: unknown key; did you mean 'budget'"),
        ("budget.step=20", "budget.step: unknown key; did you mean 'steps'"),
        ("budget.steps=-1", "budget.steps: .* greater than"),
        ("budget.steps.more=1", r"set: budget.steps.more: `budget.steps` has no keys; its value is 10"),
        ("settings.a.lr=1", "set: settings.a.lr: unknown name in `settings` 'a'; did you mean 'A'"),
        ("methods.wgan_gp.penalty_weight=1", "unknown entry 'wgan_gp' .*GP-1.5"),
        ("methods.4.label=x", "unknown entry '4'"),
        ("methods.sngan.los=hinge", "los: unknown key; did you mean 'loss'"),
        ("budget.steps", "KEY=VALUE is needed, such as budget.steps=50; found 'budget.steps'"),
        ("budget..steps=1", "KEY=VALUE is needed"),
        ("seeds=[0", "set: seeds: not valid YAML"),
        ("name=other", "name: a study is named after its file"),
        ("changed={}", "changed: this is no key of a study file"),
    ],
)
def test_mistakes(file, change, message):
    with pytest.raises(ConfigError, match=message):
        load_study(file, [change])


def test_entries_of_equal_names_need_a_position(file):
    values = yaml.safe_load(FILE)
    values["scores"].append({"evaluator": "classifier", "num_fake": 300})
    with pytest.raises(ConfigError, match=r"several entries are called 'classifier'; give a position: \[0, 1\]"):
        change_values(values, ["scores.classifier.num_fake=400"])
    changed, _ = change_values(values, ["scores.1.num_fake=400"])
    assert [score["num_fake"] for score in changed["scores"]] == [600, 400]
    assert values["scores"][1]["num_fake"] == 300


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["seeds=[0]", "seeds=[1]"], "the key 'seeds' is given twice"),
        (["budget.steps=5", "budget={steps: 6}"], "the key 'budget' contains 'budget.steps'"),
    ],
)
def test_two_changes_of_one_value(file, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_study(file, changes)


def test_names_that_a_study_chooses_are_known():
    mappings = {name for name, field in Study.model_fields.items() if get_origin(field.annotation) is dict}
    assert set(FREE_NAMES) == mappings


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("budget.steps=5", ["budget.steps=5"]),
        ("budget.steps=5 seeds=[0, 1] title=a b", ["budget.steps=5", "seeds=[0, 1]", "title=a b"]),
        ({"budget={epochs": "3}"}, ["budget={epochs: 3}"]),  # as Snakemake reads it
        (["title=a b=c", "seeds=[0]"], ["title=a b=c", "seeds=[0]"]),
    ],
)
def test_forms_of_changes(given, texts):
    assert list(load_machine({"set": given}).set) == texts


def test_changes_in_the_configuration_file_are_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("set: seeds=[0]\n")
    with pytest.raises(ConfigError, match="set: changes of a study belong to one command"):
        load_machine({}, tmp_path / "config.yaml")


@pytest.mark.parametrize(
    "changes",
    [
        ["budget.steps=5"],
        ["budget.steps=5", "seeds=[0, 1]"],
        ["title=a b=c", "seeds=[0]"],
        ["budget={epochs: 3}"],
        ["budget={epochs: 3}", "title='a'"],
        ["title=\"a 'b'\""],
        ["description=Ünïcode $HOME `x`"],
    ],
)
def test_the_text_for_snakemake_is_read_as_the_same_changes(changes):
    from snakemake.cli import parse_config

    assert list(load_machine(parse_config([f"set={join_changes(changes)}"])).set) == changes


def test_one_text_is_plain_where_it_can_be():
    assert join_changes(["budget.steps=5", "seeds=[0, 1]"]) == "budget.steps=5 seeds=[0, 1]"
    assert split_changes("a.b=1 c=x y") == ["a.b=1", "c=x y"]


def test_results_record_their_changes_and_studies_lists_them(tmp_path, monkeypatch, capsys):
    (tmp_path / "config/studies").mkdir(parents=True)
    (tmp_path / "config/studies/mine.yaml").write_text(FILE)
    (tmp_path / "config/studies/mine2.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    for changes in ([], ["seeds=[1]"]):
        study = load_study("mine", changes)
        layout = Layout.of(MachineConfig(), study)
        link_runs(study, layout)
        assert layout.changes.exists() == bool(changes)
    assert recorded_changes(layout.changes) == study.changed
    main(["studies"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["study", "mine", "mine+seeds=1", "mine2"]
    assert lines[2].split()[1] == "8"  # 4 methods x 2 settings x 1 seed
    layout.changes.write_text("{}")
    main(["studies"])
    assert "changes.json" in capsys.readouterr().out.splitlines()[2]


def test_check_prints_the_changes(file, tmp_path, capsys):
    folders = ["--results-dir", str(tmp_path / "results"), "--data-dir", str(tmp_path / "data")]
    given = ["check", "--study", file, "--no-measure", *folders]
    main([*given, "--set", "seeds=[0]", "--set", "nets.width=8"])
    out = capsys.readouterr().out
    assert out.startswith("study mine+nets.width=8+seeds=0: A study\n")
    assert "changed: seeds is [0]; the study file has [0, 1, 2]\n" in out
    assert "changed: nets.width is 8; the study file does not have it\n" in out


def test_a_variant_that_is_named_as_a_study():
    command = [sys.executable, "-m", "sngan_repro", "status", "--study", "quick+seeds=0"]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "a changed study is given as --study quick --set KEY=VALUE" in result.stderr
