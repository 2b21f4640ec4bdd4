"""Time limits, the lock of a study, missing files, and packs of trainings."""

from __future__ import annotations

from pathlib import Path

import pytest

from sngan_repro.config.machine import MachineConfig
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.layout import Layout
from sngan_repro.study.load import load_study
from sngan_repro.workflow import cluster
from sngan_repro.workflow.locks import study_lock
from sngan_repro.workflow.packs import packs


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout("tiny", tmp_path / "results", tmp_path / "data")


def test_time_limits_follow_from_the_budget(tiny_run, layout: Layout):
    machine = MachineConfig(updates_per_second=10)
    run = tiny_run(budget={"steps": 6000})
    assert cluster.train_minutes(run, layout, machine) == 10 + 10
    assert cluster.train_minutes(run, layout, machine, attempt=3) == 60
    assert cluster.train_minutes(tiny_run(budget={"steps": 6000}, optimizer={"n_dis": 5}), layout, machine) == 10 + 30
    limited = MachineConfig(updates_per_second=10, max_minutes=15)
    assert cluster.train_minutes(run, layout, limited, attempt=2) == 15
    packed = MachineConfig(updates_per_second=10, max_minutes=15, runs_per_gpu=3)
    assert cluster.train_minutes(run, layout, packed, attempt=2) == 5


def test_a_length_not_known_yet_gets_a_day(tiny_run, layout: Layout, tmp_path: Path):
    data = {"source": "images", "path": str(tmp_path), "image_size": 16, "test_fraction": 0.5}
    run = tiny_run(budget={"epochs": 3}, data=data)
    assert cluster.train_minutes(run, layout, MachineConfig()) == 24 * 60


def test_a_study_is_held_once(layout: Layout):
    with (
        study_lock(layout),
        pytest.raises(ConfigError, match=r"another Snakemake works on this study, .* process \d+"),
        study_lock(layout),
    ):
        pass
    with study_lock(layout):
        pass


def test_all_missing_files_are_told_at_once(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(ConfigError, match=r"(?s)nothing was submitted.*cifar-10-python.*an evaluator are missing"):
        cluster.fetch_first(load_study("southampton"), layout, MachineConfig(download=False))


def test_staged_and_prepared_data_are_not_looked_for(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    study = load_study("mnist")
    with pytest.raises(ConfigError, match="nothing was submitted"):
        cluster.fetch_first(study, layout, MachineConfig(download=False))
    for spec in study.datasets.values():
        layout.dataset(spec).mkdir(parents=True)
        (layout.dataset(spec) / "dataset.json").touch()
    cluster.fetch_first(study, layout, MachineConfig(download=False))  # raises nothing now


def test_packs_keep_the_order_and_never_mix_datasets(tiny_run):
    runs = [tiny_run(data={"image_size": size}, seed=seed) for size in (16, 32) for seed in range(5)]
    numbers = [[(run.data.image_size, run.seed) for run in pack] for pack in packs(runs, 3)]
    assert [len(pack) for pack in numbers] == [3, 2, 3, 2]
    assert [each for pack in numbers for each in pack] == [(run.data.image_size, run.seed) for run in runs]
    assert packs([runs[0], runs[1], runs[0]], 3) == [runs[:2]]  # two cells of a study may be one run
