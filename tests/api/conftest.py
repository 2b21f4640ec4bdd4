"""A tiny study that was run once for the tests of the library and of bundles."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from api_support import STUDY
from sharing import made_once

import sngan_repro as sr
from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.config.machine import MachineConfig
from sngan_repro.evaluation.build import build_evaluator
from sngan_repro.evaluation.score import score_run
from sngan_repro.evaluation.score_real import score_real
from sngan_repro.study.layout import Layout
from sngan_repro.workflow.links import link_runs


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a clone in which the study `quick`, a tiny one, was run: by the functions that its rules call."""
    made = made_once(tmp_path_factory, "clone_with_quick", _run_the_study)
    return Path(shutil.copytree(made, tmp_path_factory.mktemp("clone"), dirs_exist_ok=True))  # tests write into it


def _run_the_study(folder: Path) -> None:
    (folder / "config/studies").mkdir(parents=True)
    (folder / "config/studies/quick.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        study = sr.load_study("quick")
        layout = Layout.of(MachineConfig(), study)
        spec = study.datasets["digits"]
        dataset = sr.prepare_dataset(spec)
        assert dataset.resolve() == layout.dataset(spec).resolve()
        evaluators = {"classifier": layout.evaluator(spec, "classifier", study.classifier)}
        build_evaluator("classifier", dataset, study.classifier, evaluators["classifier"], None)
        for run in study.runs():
            paths = layout.stored(run)
            sr.train_run(run, paths.root, device="cpu")
            score_run(paths, list(study.scores), dataset, evaluators)
        link_runs(study, layout)
        score_real(list(study.scores), "digits", "quick", dataset, evaluators, layout.real_scores("digits"))
        aggregate(study, layout)
        make_tables(study, layout)
