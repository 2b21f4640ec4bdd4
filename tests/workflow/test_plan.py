"""Planning: mistakes are found before any job. tests/end_to_end shows that Snakemake prints the messages."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml
from workplace import TINY

from sngan_repro.cli.main import build_parser
from sngan_repro.cli.values import study_of
from sngan_repro.core.schema import ConfigError
from sngan_repro.workflow.plan import Plan


@pytest.mark.parametrize(
    ("changes", "config", "message"),
    [
        ({"methods": ["sgnan"]}, {}, "unknown method 'sgnan'; did you mean 'sngan'?"),
        ({"budgett": 1}, {}, "budgett: unknown key; did you mean 'budget'?"),
        ({}, {"devise": "cpu"}, "devise: unknown key; did you mean 'device'?"),
        ({}, {"results_dir": "a{b}"}, "results_dir: a path without braces is needed"),
        (
            {},
            {"set": "seeds=[0] budget.step=9"},
            "tiny.yaml with budget.step=9 seeds=[0]: budget.step: unknown key; did",
        ),
        ({}, {"set": {"budget": 1, "seeds": 2}}, "set: a list is needed"),
        ({}, {"study": "quik"}, "unknown study 'quik'; did you mean 'quick'?"),
    ],
)
def test_mistakes_are_found_before_any_job(tmp_path: Path, changes, config, message):
    study = tmp_path / "tiny.yaml"
    study.write_text(yaml.safe_dump({**TINY, **changes}))
    places = {"results_dir": str(tmp_path / "results"), "data_dir": str(tmp_path / "data")}
    with pytest.raises(ConfigError) as error:
        Plan({"study": str(study), **places, **config})
    assert message in str(error.value)


def test_changes_of_the_study_reach_every_job(tmp_path: Path):
    """By options of the commands of the study, and by the environment of its trainings; in the order of their keys."""
    study = tmp_path / "tiny.yaml"
    study.write_text(yaml.safe_dump(TINY))
    places = {"results_dir": str(tmp_path / "results"), "data_dir": str(tmp_path / "data")}
    plan = Plan({"study": str(study), **places, "set": "title=A 'b' c seeds=[1] budget.steps=14"})
    options = ["--set", "budget.steps=14", "--set", "seeds=[1]", "--set", "title=A 'b' c"]
    assert shlex.split(plan.study_options)[-6:] == options
    exported = shlex.split(plan.environment(str(tmp_path), own_python=False))
    assert "SNGAN_REPRO_SET=" + json.dumps(options[1::2]) in exported
    given = build_parser().parse_args(["tables", *shlex.split(plan.study_options)])
    assert study_of(given) == (plan.study, plan.layout)
    assert plan.layout.root.name.startswith("tiny+budget.steps=14+seeds=1+title=")
    assert "set" not in Plan({"study": str(study), **places}).study_options
