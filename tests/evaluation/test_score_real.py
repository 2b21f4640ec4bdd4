"""Real images are scored as a perfect generator would be: as many of them, with class shares by chance."""

from __future__ import annotations

import json

import numpy as np
import pytest
from evaluate_support import OPTIONS, protocol, write_prepared

from sngan_repro.config.records import read_json_record
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData
from sngan_repro.evaluation.build import build_evaluator, read_evaluator, read_features
from sngan_repro.evaluation.metrics import compute, select, take
from sngan_repro.evaluation.protocol import metric_name
from sngan_repro.evaluation.score_real import draw_real, score_real
from sngan_repro.evaluation.selection import REAL_DRAWS, REAL_SEED


@pytest.fixture
def score_it(tmp_path, digits_dir, classifier_dir):
    def score(*protocols, **options):
        out, evaluators = tmp_path / "real" / "digits.json", {"classifier": classifier_dir}
        scores = score_real(list(protocols), "digits", "test", digits_dir, evaluators, out, **options)
        assert read_json_record(out, "") == scores
        return scores["records"]

    return score


def test_uses_the_other_split(score_it, data, classifier_dir):
    p, seed = protocol(num_fake=500, seed=3), 3 + REAL_SEED
    info = read_evaluator(classifier_dir, data)
    train, test = (read_features(classifier_dir, split, info) for split in ("train", "test"))
    records = score_it(p)
    for draw in range(REAL_DRAWS):
        chosen = draw_real(500, data.labels("test"), data.labels("train"), seed + draw)
        expected = {metric_name(p, m): v for m, v in compute(p, take(test, chosen), train).items()}
        mine = [record for record in records if record["seed"] == draw]
        assert {r["metric"]: (r["value"], r["spread"], r["spread_over"]) for r in mine} == expected
        assert {r["sampling_seed"] for r in mine} == {seed + draw}
    for record in records:
        assert record["label"] == "Real data"
        assert [record[key] for key in ("setting", "steps", "images_seen", "selection")] == [None] * 4
        assert record["protocol"]["num_fake_used"] == 500


def test_draws_of_the_training_images_against_the_test_split(score_it):
    records = score_it(protocol(num_fake=900, reference="test", metrics=["fid"]), num_draws=2)
    assert [record["seed"] for record in records] == [0, 1]
    assert records[0]["value"] != records[1]["value"]
    assert {record["protocol"]["num_real_used"] for record in records} == {600}


def test_is_close_to_itself_and_varied(score_it):
    records = score_it(protocol(num_fake=600), num_draws=1)
    value = {record["metric"].split("600")[0]: record["value"] for record in records}
    assert value["is"] > 4  # ten classes, a classifier trained briefly
    assert value["fid"] < 1
    assert min(value["precision"], value["recall"]) > 0.7


def test_fewer_images_than_are_generated_give_no_value(score_it):
    records = score_it(protocol(num_fake=601), num_draws=2)  # the test split has 600
    assert len(records) == 10
    assert {(record["value"], record["protocol"]["num_fake_used"]) for record in records} == {(None, 0)}


def test_images_without_classes(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (160, 16, 16, 1)).astype(np.uint8)
    prepared = write_prepared(tmp_path / "p", images, np.arange(160) % 2, 80)
    build_evaluator("classifier", prepared, OPTIONS, tmp_path / "c", None)
    description = json.loads((prepared / "dataset.json").read_text())
    (prepared / "dataset.json").write_text(json.dumps(description | {"classes": None}))
    folders, out = {"classifier": tmp_path / "c"}, tmp_path / "real.json"
    records = score_real([protocol(metrics=["fid"])], "d", "s", prepared, folders, out, num_draws=2)["records"]
    info = read_evaluator(tmp_path / "c", PreparedData.open(prepared))
    train, test = (read_features(tmp_path / "c", split, info) for split in ("train", "test"))
    chosen = select(60, 80, REAL_SEED)
    assert records[0]["value"] == compute(protocol(metrics=["fid"]), take(test, chosen), train)["fid"][0]
    assert records[1]["value"] not in (None, records[0]["value"])


def test_no_image_beside_the_reference(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1)).astype(np.uint8)
    prepared = write_prepared(tmp_path / "p", images, np.arange(60) % 2, 60)
    build_evaluator("classifier", prepared, OPTIONS, tmp_path / "c", None)
    folders, out = {"classifier": tmp_path / "c"}, tmp_path / "real.json"
    records = score_real([protocol()], "d", "s", prepared, folders, out)["records"]
    assert [record["value"] for record in records] == [None] * 5 * REAL_DRAWS


def test_more_reference_images_than_there_are(score_it):
    with pytest.raises(ConfigError, match="`num_real` is 1500"):
        score_it(protocol(num_real=1500))


def test_changed_pixels_pass_through_the_evaluator_once_and_repeat_as_stated(score_it, monkeypatch):
    from sngan_repro.evaluation.scorer import Scorer

    passed = []
    features_of = Scorer.features_of
    monkeypatch.setattr(
        Scorer, "features_of", lambda self, p, images: (passed.append(len(images)), features_of(self, p, images))[1]
    )
    stretched = {"num_fake": 300, "metrics": ["fid"], "fault_contrast_stretch": True}
    plain, repeated = protocol(**stretched), protocol(**stretched | {"num_fake": 320, "fault_distinct": 40})
    records = score_it(plain, repeated, protocol(num_fake=300, metrics=["fid"]), num_draws=2)
    assert len(passed) == 1
    assert 300 < passed[0] <= 600  # the union of two draws of 300 and two of 40 of 600 images
    assert [record["protocol"]["num_fake_used"] for record in records] == [300, 300, 320, 320, 300, 300]
    values = [record["value"] for record in records]
    assert len(set(values)) == 6
    assert min(values[2:4]) > 2 * max(values[0:2])  # 40 images repeated are far from the reference


POOL = np.repeat(np.arange(4), 250)


def test_class_shares_are_drawn_by_chance():
    counts = [np.bincount(POOL[draw_real(400, POOL, POOL, seed)], minlength=4) for seed in range(400)]
    assert all(count.sum() == 400 for count in counts)
    # Multinomial: mean 100, variance 400 x 1/4 x 3/4 = 75. Equal shares would have variance 0, draws without
    # replacement from all 1,000 images 75 x 600 / 999 = 45. The SD of this variance is about 75 sqrt(2 / 1200) = 3.
    assert np.mean(counts, axis=0) == pytest.approx([100] * 4, abs=2)
    assert 64 < np.mean(np.var(counts, axis=0)) < 86


def test_shares_are_those_of_the_reference():
    reference = np.repeat([0, 1], [900, 100])
    counts = np.mean([np.mean(POOL[draw_real(200, POOL, reference, seed)] == 1) for seed in range(100)])
    assert counts == pytest.approx(0.1, abs=0.01)
    chosen = draw_real(200, POOL, reference, 0)
    assert set(POOL[chosen]) == {0, 1}
    assert draw_real(200, POOL[POOL > 1], reference, 0) is None  # the pool has no image of these classes


def test_images_are_drawn_twice_only_where_a_class_has_too_few():
    chosen = draw_real(400, POOL, POOL, 7)
    assert len(set(chosen)) == 400
    everything = draw_real(1000, POOL, POOL, 7)
    for label in range(4):
        indices, times = np.unique(everything[POOL[everything] == label], return_counts=True)
        wanted = times.sum()
        assert len(indices) == min(wanted, 250)
        assert set(times) <= {1, 2}
    assert draw_real(1001, POOL, POOL, 0) is None


def test_a_draw_depends_on_its_seed_alone():
    assert np.array_equal(draw_real(50, POOL, POOL, 1), draw_real(50, POOL, POOL, 1))
    assert not np.array_equal(draw_real(50, POOL, POOL, 1), draw_real(50, POOL, POOL, 2))
