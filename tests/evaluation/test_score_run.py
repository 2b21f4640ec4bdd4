import json

import numpy as np
import pytest
from evaluate_support import NETS, SPEC, again_of, make_generator, protocol, values_of

from sngan_repro.config.records import read_json_record
from sngan_repro.core.files import file_sha256
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.arrays import read_images
from sngan_repro.evaluation import score
from sngan_repro.evaluation.build import load_extractor, read_evaluator, read_features
from sngan_repro.evaluation.features import extract
from sngan_repro.evaluation.metrics import compute, select, take
from sngan_repro.evaluation.protocol import metric_name, metric_names
from sngan_repro.evaluation.score import score_run
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.sampling import SampleOptions, generate, generate_on_device
from sngan_repro.nets.snapshot import save_snapshot


class TestScoreRun:
    def test_records(self, run, scored, data, classifier_dir):
        p = protocol()
        scores = scored(p)
        assert read_json_record(run.scores, "") == scores
        assert scores["spec_digest"] == SPEC.digest()
        assert [record["steps"] for record in scores["records"][:10]] == [10] * 5 + [20] * 5
        assert {(record["selection"], record["sampling_seed"]) for record in scores["records"][:10]} == {(None, 0)}
        assert [record["metric"] for record in scores["records"][:5]] == list(metric_names(p).values())
        record = scores["records"][2]
        assert (record["seed"], record["images_seen"]) == (3, 640)
        assert not {"study", "dataset", "label", "setting"} & record.keys()  # studies share the run
        assert record["metric"] == "kid60_train_m40x5@classifier"
        assert record["spread_over"] == "5 subsets"
        assert record["protocol"] == {
            **p.to_dict(),
            "num_fake_used": 60,
            "num_real_used": 1197,
            "evaluator_digest": read_evaluator(classifier_dir, data)["digest"],
            "dataset_sha256": data.sha256,
            "torch_fidelity": "0.4.0",
        }
        assert {"type", "name", "threads"} <= scores["device"].keys()

    def test_values_are_those_of_the_parts(self, scored, data, classifier_dir):
        """Every protocol's value as if it had been scored alone, step by step."""
        protocols = [
            protocol(),
            protocol(num_fake=100, reference="test", num_real=50),
            protocol(seed=1),
            protocol(batch_norm="batch", metrics=("fid",)),
        ]
        found = values_of(scored(*protocols))
        info = read_evaluator(classifier_dir, data)
        extractor = load_extractor(classifier_dir, info)
        G = make_generator(20)
        for p in protocols:
            images = generate(G, NETS, p.num_fake, p.seed, options=SampleOptions(batch_norm=p.batch_norm))
            real = extract(extractor, data.images(p.reference), 256)
            if p.num_real:
                real = take(real, select(p.num_real, data.num(p.reference), p.seed))
            expected = compute(p, extract(extractor, images, 64), real)
            for metric, (value, _, _) in expected.items():
                assert found[20, metric_name(p, metric)] == pytest.approx(value, rel=1e-5, abs=1e-6), p
        assert found[20, "fid60_train@classifier"] != found[20, "fid60_train_bnbatch@classifier"]
        assert found[20, "fid60_train@classifier"] != found[10, "fid60_train@classifier"]

    def test_images_are_generated_once_for_all_protocols(self, scored, monkeypatch):
        calls = []

        def counted(G, nets, count, *args, **kwargs):
            calls.append(count)
            return generate_on_device(G, nets, count, *args, **kwargs)

        monkeypatch.setattr(score, "generate_on_device", counted)
        scored(protocol(), protocol(num_fake=90), protocol(num_fake=70, reference="test"))
        assert calls[:2] == [90, 90]  # two snapshots
        assert 1 <= len(calls[2:]) <= 2  # and each that is the best by some metric

    def test_non_finite_pixels_give_null(self, run, scored, change_status):
        sha256 = save_snapshot(run, SPEC, make_generator(0, broken=True).state_dict(), 10, ImageSpec(1, 16))
        snapshots = json.loads(run.status.read_text())["snapshots"]
        snapshots[0]["sha256"] = sha256
        change_status(state="diverged", snapshots=snapshots)
        scores = scored()
        assert [record["value"] for record in scores["records"][:5]] == [None] * 5
        assert scores["records"][0]["protocol"]["num_fake_used"] == 0
        assert all(record["value"] is not None for record in scores["records"][5:])
        assert {record["steps"] for record in again_of(scores).values()} == {20}

    def test_no_snapshots(self, scored, change_status):
        change_status(state="diverged", snapshots=[])
        assert scored()["records"] == []


class TestRefused:
    def test_changed_snapshot(self, run, scored):
        save_snapshot(run, SPEC, make_generator(99).state_dict(), 20, ImageSpec(1, 16))
        with pytest.raises(ConfigError, match=r"00000020\.safetensors: SHA-256 .* lists"):
            scored()
        assert not run.scores.exists()

    def test_missing_snapshot(self, run, scored):
        run.snapshot(20).unlink()
        with pytest.raises(ConfigError, match=r"listed in .* but missing"):
            scored()

    def test_status_of_another_specification(self, scored, change_status):
        change_status(spec_digest="0" * 16)
        with pytest.raises(ConfigError, match="another specification"):
            scored()

    def test_snapshot_of_another_specification(self, run, scored, change_status):
        other = SPEC.model_copy(update={"seed": 4})
        sha256 = save_snapshot(run, other, make_generator(0).state_dict(), 20, ImageSpec(1, 16))
        change_status(snapshots=[{"steps": 20, "images_seen": 1, "sha256": sha256, "last_finite": False}])
        with pytest.raises(ConfigError, match="another specification"):
            scored()

    def test_more_real_images_than_there_are(self, scored):
        with pytest.raises(ConfigError, match=r"`num_real` is 700, but the test split of .* has 600"):
            scored(protocol(reference="test", num_real=700))

    def test_subsets_larger_than_the_reference(self, scored):
        p = protocol(num_fake=800, reference="test", kid_subset_size=700)
        with pytest.raises(ConfigError, match=r"600 images are fewer than `kid_subset_size` 700 .*test split"):
            scored(p)

    def test_evaluator_without_folder(self, run, digits_dir):
        with pytest.raises(ConfigError, match="no evaluator folder is given for classifier"):
            score_run(run, [protocol()], digits_dir, {})


class TestExternalSamples:
    @pytest.fixture
    def samples(self, run, data, change_status):
        """Real digits in the place of an external program's samples."""
        for steps in (10, 20):
            run.snapshot(steps).unlink()
        path = run.external_samples(20)
        path.parent.mkdir()
        np.save(path, np.array(data.images("test")[:80]))
        change_status(snapshots=[{"steps": 20}], spec_digest=SPEC.digest())
        return path

    def test_are_scored(self, samples, scored, data, classifier_dir):
        scores = scored(protocol())
        info = read_evaluator(classifier_dir, data)
        real = {split: read_features(classifier_dir, split, info) for split in ("train", "test")}
        expected = compute(protocol(), take(real["test"], slice(60)), real["train"])
        found = values_of(scores)
        for metric, (value, _, _) in expected.items():
            assert found[20, metric_name(protocol(), metric)] == pytest.approx(value, rel=1e-5, abs=1e-6)
        assert scores["records"][0]["images_seen"] is None

    def test_have_no_latents_and_no_fresh_sample(self, samples, scored):
        found = {(r["sampling_seed"], r["selection"]) for r in scored(protocol(), protocol(seed=1))["records"]}
        assert found == {(None, None)}

    def test_batch_statistics_do_not_apply(self, samples, scored):
        found = values_of(scored(protocol(metrics=("fid",)), protocol(metrics=("fid",), batch_norm="batch")))
        assert found[20, "fid60_train@classifier"] is not None
        assert found[20, "fid60_train_bnbatch@classifier"] is None

    def test_too_few(self, samples, scored):
        with pytest.raises(
            ConfigError, match=r"found uint8 \(80, 16, 16, 1\); needed: uint8 \(at least 100, 16, 16, 1\)"
        ):
            scored(protocol(), protocol(num_fake=100))

    @pytest.mark.parametrize(
        ("array", "found"),
        [
            (np.zeros((80, 16, 16, 1), np.float32), r"float32 \(80, 16, 16, 1\)"),
            (np.zeros((80, 16, 16), np.uint8), r"uint8 \(80, 16, 16\)"),
            (np.zeros((80, 1, 16, 16), np.uint8), r"uint8 \(80, 1, 16, 16\)"),
            (np.zeros((80, 28, 28, 1), np.uint8), r"uint8 \(80, 28, 28, 1\)"),
        ],
    )
    def test_wrong_array(self, samples, scored, array, found):
        np.save(samples, array)
        with pytest.raises(
            ConfigError, match=rf"00000020\.npy: found {found}; needed: uint8 \(at least 60, 16, 16, 1\)"
        ):
            scored()

    def test_not_an_array(self, samples, scored):
        samples.write_bytes(b"PNG")
        with pytest.raises(ConfigError, match=r"not a readable \.npy file"):
            scored()

    def test_objects_are_not_unpickled(self, tmp_path):
        np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(ConfigError, match=r"not a readable \.npy file"):
            read_images(tmp_path / "x.npy", (1, 16, 16), 1)

    def test_checksum_is_checked_when_given(self, samples, scored, change_status):
        change_status(snapshots=[{"steps": 20, "sha256": file_sha256(samples)}])
        assert len(scored()["records"]) == 5
        change_status(snapshots=[{"steps": 20, "sha256": "0" * 64}])
        with pytest.raises(ConfigError, match="run the program again"):
            scored()
