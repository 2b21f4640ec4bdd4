"""Studies share the scores of a run under equal protocols; anything else is scored again."""

from __future__ import annotations

import pytest
from evaluate_support import make_generator, protocol

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import read_json, write_json
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
    assert scored(QUICK) == read_json(run.scores)


def test_other_weights_of_the_generator_are_scored_again(run, written, change_status):
    from evaluate_support import SPEC

    first, values = written(), [record["value"] for record in read_json(run.scores)["records"]]
    sha256 = save_snapshot(run, SPEC, make_generator(99).state_dict(), 10, ImageSpec(1, 16))
    snapshots = read_json(run.status)["snapshots"]
    change_status(snapshots=[snapshots[0] | {"sha256": sha256}, snapshots[1]])
    assert written() != first
    assert [record["value"] for record in read_json(run.scores)["records"]] != values


@pytest.mark.parametrize("damage", [lambda run: run.scores.write_text("{"), lambda run: write_json(run.scores, {})])
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
