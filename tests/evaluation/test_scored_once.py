"""Studies share the scores of a run under equal protocols; anything else is scored again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from evaluate_support import SPEC, make_generator, protocol

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import file_lock, read_json, write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.sealed import opened
from sngan_repro.evaluation import score as score_module
from sngan_repro.evaluation import scorer as scorer_module
from sngan_repro.evaluation.score import score_run
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.snapshot import save_snapshot

QUICK = protocol(num_fake=40, metrics=["is"])


@pytest.fixture
def written(run, scored):
    """The time at which the scores were written, after each call of the job."""

    def score_it() -> int:
        scored(QUICK)
        return run.scores.stat().st_mtime_ns

    return score_it


def test_the_same_protocols_score_once(run, written, scored):
    first = written()
    assert written() == first
    assert scored(QUICK) == opened(read_json(run.scores))


def test_other_weights_of_the_generator_are_scored_again(run, written, change_status):
    first, values = written(), [record["value"] for record in read_json(run.scores)["records"]]
    sha256 = save_snapshot(run, SPEC, make_generator(99).state_dict(), 10, ImageSpec(1, 16))
    snapshots = read_json(run.status)["snapshots"]
    change_status(snapshots=[snapshots[0] | {"sha256": sha256}, snapshots[1]])
    assert written() != first
    assert [record["value"] for record in read_json(run.scores)["records"]] != values


def change_a_value(run: RunPaths) -> None:
    scores = read_json(run.scores)
    scores["records"][0]["value"] += 1
    write_json(run.scores, scores)


@pytest.mark.parametrize(
    "damage", [lambda run: run.scores.write_text("{"), lambda run: write_json(run.scores, {}), change_a_value]
)
def test_a_damaged_file_is_written_again(run, written, scored, damage):
    written()
    good = read_json(run.scores)["records"]
    damage(run)
    written()
    assert [record["value"] for record in read_json(run.scores)["records"]] == [record["value"] for record in good]


def test_another_study_scores_beside_it(run, scored, digits_dir, classifier_dir):
    scored(QUICK)
    other = RunPaths(run.root, scoring="0123456789abcdef")
    score_run(other, [protocol(num_fake=30, metrics=["is"])], digits_dir, {"classifier": classifier_dir})
    metrics = [{record["metric"] for record in read_json(paths.scores)["records"]} for paths in (run, other)]
    assert metrics == [{"is40s2@classifier"}, {"is30s2@classifier"}]
    assert run.evaluated == sorted([run.scores, other.scores])


class TestOthers:
    """Further runs in the same process, as for runs that share a GPU."""

    @pytest.fixture
    def other(self, run, tmp_path):
        return RunPaths(Path(shutil.copytree(run.root, tmp_path / "other")))

    @pytest.fixture
    def score_both(self, run, other, digits_dir, classifier_dir):
        def score_it():
            return score_run(run, [QUICK], digits_dir, {"classifier": classifier_dir}, others=[other])

        return score_it

    def test_each_gets_the_scores_that_it_gets_alone(self, run, other, score_both, scored, monkeypatch):
        loaded = []
        load = scorer_module.load_extractor
        monkeypatch.setattr(scorer_module, "load_extractor", lambda *given: loaded.append(given) or load(*given))
        sha256 = save_snapshot(other, SPEC, make_generator(99).state_dict(), 10, ImageSpec(1, 16))
        status = read_json(other.status)
        status["snapshots"][0]["sha256"] = sha256
        write_json(other.status, status)
        score_both()
        together = {paths: read_json(paths.scores) for paths in (run, other)}
        assert len(loaded) == 1
        assert together[run]["records"][0]["value"] != together[other]["records"][0]["value"]
        other.scores.unlink()
        shutil.copytree(other.root, run.root, dirs_exist_ok=True)  # the fixture scores the folder of `run`
        alone = scored(QUICK)
        assert alone["made_from"] == together[other]["made_from"]
        assert [record["value"] for record in alone["records"]] == [
            record["value"] for record in together[other]["records"]
        ]

    def test_its_own_job_finds_the_scores(self, other, score_both, digits_dir, classifier_dir):
        score_both()
        written = other.scores.stat().st_mtime_ns
        score_run(other, [QUICK], digits_dir, {"classifier": classifier_dir})
        assert other.scores.stat().st_mtime_ns == written

    def test_one_that_is_not_trained_yet_is_left_out(self, run, other, score_both):
        shutil.rmtree(other.root)
        assert score_both()["records"] == read_json(run.scores)["records"]
        assert not other.root.exists()

    def test_only_short_ones_share_a_process(self, run, other, score_both, monkeypatch):
        monkeypatch.setattr(score_module, "OTHERS_SECONDS", 0.0)
        assert score_both()["records"] == read_json(run.scores)["records"]
        assert not other.scores.exists()

    def test_one_that_another_process_scores_is_left_out(self, run, other, score_both):
        with file_lock(other.scores.with_name(f".{other.scores.stem}.lock"), wait=False):
            assert score_both()["records"] == read_json(run.scores)["records"]
        assert not other.scores.exists()

    def test_a_damaged_one_is_left_to_its_own_job(self, run, other, score_both, digits_dir, classifier_dir):
        other.snapshot(20).write_bytes(b"")
        assert score_both()["records"] == read_json(run.scores)["records"]
        assert not other.scores.exists()
        with pytest.raises(ConfigError, match="this is not the snapshot that the training wrote"):
            score_run(other, [QUICK], digits_dir, {"classifier": classifier_dir})
