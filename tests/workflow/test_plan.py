"""Planning: mistakes are found before any job. tests/end_to_end shows that Snakemake prints the messages."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from workplace import TINY

from sngan_repro.core.schema import ConfigError
from sngan_repro.workflow.plan import Plan


@pytest.mark.parametrize(
    ("changes", "config", "message"),
    [
        ({"methods": ["sgnan"]}, {}, "unknown method 'sgnan'; did you mean 'sngan'?"),
        ({"budgett": 1}, {}, "budgett: unknown key; did you mean 'budget'?"),
        ({}, {"devise": "cpu"}, "devise: unknown key; did you mean 'device'?"),
        ({}, {"results_dir": "a{b}"}, "results_dir: a path without braces is needed"),
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
