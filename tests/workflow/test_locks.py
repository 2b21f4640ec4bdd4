"""The lock of a study, and the locks that a killed Snakemake leaves."""

from __future__ import annotations

from pathlib import Path

from sngan_repro.study.layout import Layout
from sngan_repro.workflow.locks import last_worker, share_folder, study_lock


def test_locks_of_a_killed_snakemake_are_removed(tmp_path: Path):
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("a file\n")
    mark = share_folder(locks)
    assert mark is not None
    assert not locks.exists()
    locks.mkdir()
    (locks / "0.output.lock").write_text("a file\n")
    second = share_folder(locks)  # the first process lives, so its locks stay
    assert second is not None
    assert (locks / "0.output.lock").exists()
    second.close()
    mark.close()
    third = share_folder(locks)
    assert third is not None
    assert not locks.exists()
    third.close()


def test_a_plan_that_another_snakemake_has_overtaken(tmp_path: Path):
    layout = Layout("study", tmp_path / "results", tmp_path / "data")
    before = last_worker(layout)
    assert before == ""
    with study_lock(layout, before) as outdated:
        assert not outdated
    with study_lock(layout, before) as outdated:
        assert outdated
    with study_lock(layout, last_worker(layout)) as outdated:
        assert not outdated
