"""Faults of published evaluations: what each does to images, what is scored, and under which name."""

import json

import numpy as np
import pytest
import torch
from evaluate_support import NETS, again_of, make_generator, protocol, values_of
from PIL import Image

from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.files import read_json
from sngan_repro.core.schema import ConfigError, parse
from sngan_repro.evaluation import score
from sngan_repro.evaluation import score_real as score_real_module
from sngan_repro.evaluation import scorer as scorer_module
from sngan_repro.evaluation.build import load_extractor, read_evaluator, read_features
from sngan_repro.evaluation.faults import detour, repeated, stretched, stretched_uint8
from sngan_repro.evaluation.features import extract
from sngan_repro.evaluation.metrics import compute, take
from sngan_repro.evaluation.protocol import metric_name
from sngan_repro.evaluation.score import score_run
from sngan_repro.evaluation.score_real import draw_real, score_real
from sngan_repro.evaluation.selection import REAL_SEED, RESAMPLE_SEED
from sngan_repro.nets.sampling import SampleOptions, from_uint8, generate, generate_on_device, to_uint8

DISTINCT, STRETCHED = {"fault_distinct": 20}, {"fault_contrast_stretch": True}
DETOUR = {"fault_detour": 8}


class TestImages:
    def test_stretch_by_hand(self):
        image = torch.tensor([[[0.0, 0.25], [0.5, -0.5]], [[0.1, 0.0], [0.0, 0.5]]]).view(1, 2, 2, 2)
        levels = stretched(image)
        assert levels.shape == (1, 2, 2, 2)
        # from -0.5 to 0.5 over both channels: 255 (x + 0.5), a half rounded up
        assert levels[0, :, :, 0].tolist() == [[128, 191], [255, 0]]
        assert levels[0, :, :, 1].tolist() == [[153, 128], [128, 255]]

    def test_stretch_is_that_of_scipys_bytescale(self):
        """As in scipy 1.1: (data - min) * (255 / (max - min)), clipped, plus 0.5, cut to uint8."""
        x = torch.randn(5, 3, 8, 8)
        for image, levels in zip(x.permute(0, 2, 3, 1).double().numpy(), stretched(x).numpy(), strict=True):
            scaled = (image - image.min()) * (255 / (image.max() - image.min()))
            assert np.array_equal(levels, (scaled.clip(0, 255) + 0.5).astype(np.uint8))

    def test_half_a_level_is_rounded_up(self):
        """By a scale of 255 / 510 the values are halves; rounding to even would give 0, 2, 2."""
        assert stretched(torch.tensor([1.0, 3.0, 5.0, 0.0, 510.0, 2.0]).view(1, 1, 2, 3)).flatten().tolist() == [
            1,
            2,
            3,
            0,
            255,
            1,
        ]

    def test_each_image_by_its_own_range_and_constant_ones_are_black(self):
        x = torch.stack([torch.full((1, 4, 4), 0.3), torch.linspace(0, 0.1, 16).view(1, 4, 4)])
        levels = stretched(x)
        assert levels[0].max() == 0
        assert (levels[1].min(), levels[1].max()) == (0, 255)

    def test_stretch_of_8_bit_images(self):
        images = np.random.default_rng(0).integers(50, 99, (3, 8, 8, 1)).astype(np.uint8)
        expected = stretched(from_uint8(torch.from_numpy(images))).numpy()
        assert np.array_equal(stretched_uint8(images), expected)
        assert np.array_equal(stretched_uint8(expected), expected)
        assert stretched_uint8(images[:0]).shape == (0, 8, 8, 1)

    @pytest.mark.parametrize("channels", [1, 3])
    def test_detour_is_pillows_bicubic_both_ways(self, channels):
        images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, channels)).astype(np.uint8)
        found = detour(images, 28)
        assert found.shape == images.shape
        for image, changed in zip(images, found, strict=True):
            pixels = Image.fromarray(image.squeeze())
            small = pixels.resize((28, 28), Image.Resampling.BICUBIC)
            assert np.array_equal(np.asarray(small.resize((32, 32), Image.Resampling.BICUBIC)), changed.squeeze())
        assert not np.array_equal(found, images)

    def test_repeated_in_rounds(self):
        features = {"features": np.arange(3.0)[:, None], "logits": np.arange(3.0)[:, None]}
        p = ProtocolSpec(evaluator="classifier", num_fake=12, fault_distinct=3, metrics=("fid",))
        assert repeated(features, p)["features"][:, 0].tolist() == [0, 1, 2] * 4
        assert repeated(features, p.without_faults) is features


class TestProtocol:
    def test_names(self):
        base = {"evaluator": "classifier", "num_fake": 6000}
        names = {
            "fid6k_train@classifier": {},
            "fid6k_train_50x120@classifier": {"fault_distinct": 50},
            "fid6k_train_stretched@classifier": STRETCHED,
            "fid6k_train_via28@classifier": {"fault_detour": 28},
            "fid6k_train_seed1_50x120_stretched_via28@classifier": {
                "seed": 1,
                "fault_distinct": 50,
                "fault_detour": 28,
                **STRETCHED,
            },
        }
        for name, changes in names.items():
            p = ProtocolSpec.model_validate({**base, **changes})
            assert metric_name(p, "fid") == name
            assert p.is_clean is (not changes)
            assert p.without_faults == ProtocolSpec.model_validate({**base, "seed": p.seed})
        p = ProtocolSpec.model_validate({**base, "fault_distinct": 50})
        assert metric_name(p, "is") == "is6k_50x120@classifier"

    def test_unset_faults_are_not_written(self):
        """Scores made before there were faults stay valid."""
        clean, faulty = protocol(), protocol(**DISTINCT, **STRETCHED)
        assert not any(key.startswith("fault") for key in clean.to_dict())
        assert faulty.to_dict() == {**clean.to_dict(), **DISTINCT, **STRETCHED}
        for p in (clean, faulty):
            assert parse(ProtocolSpec, json.loads(p.to_json()), "x") == p

    @pytest.mark.parametrize("distinct", [7, 60])
    def test_whole_rounds_only(self, distinct):
        values = {**protocol().to_dict(), "fault_distinct": distinct}
        with pytest.raises(
            ConfigError, match=rf"`num_fake` \(60\) must be a multiple of `fault_distinct` \({distinct}\)"
        ):
            parse(ProtocolSpec, values, "x")


@pytest.fixture
def passes(monkeypatch):
    """(how many images, seed, how they were quantised) of each generation, and how many went through the evaluator."""
    generated, extracted = [], []

    def generating(G, nets, count, seed, *args, **kwargs):
        generated.append((count, seed, args[-1].quantise))
        return generate_on_device(G, nets, count, seed, *args, **kwargs)

    def extracting(extractor, images, *args, **kwargs):
        extracted.append(len(images))
        return extract(extractor, images, *args, **kwargs)

    monkeypatch.setattr(score, "generate_on_device", generating)
    monkeypatch.setattr(scorer_module, "extract", extracting)
    return generated, extracted


class TestScoreRun:
    def test_values_are_those_of_the_parts(self, scored, data, classifier_dir):
        info = read_evaluator(classifier_dir, data)
        extractor = load_extractor(classifier_dir, info)
        real = read_features(classifier_dir, "train", info)
        changes = [DISTINCT, STRETCHED, DETOUR, {**DISTINCT, **STRETCHED, **DETOUR}]
        protocols = [protocol(), *(protocol(metrics=("is", "fid"), **faults) for faults in changes)]
        scores = scored(*protocols)
        found = values_of(scores)
        for p in protocols:
            quantise = stretched if p.fault_contrast_stretch else to_uint8
            images = generate(
                make_generator(20),
                NETS,
                20 if p.fault_distinct else 60,
                p.seed,
                options=SampleOptions(quantise=quantise),
            )
            images = detour(images, 8) if p.fault_detour else images
            features = extract(extractor, images, 64)
            features = take(features, np.arange(60) % 20) if p.fault_distinct else features
            for metric, (value, _, _) in compute(p, features, real).items():
                assert found[20, metric_name(p, metric)] == pytest.approx(value, rel=1e-5, abs=1e-6), p
        fids = {found[20, metric_name(p, "fid")] for p in protocols}
        assert len(fids) == len(protocols)  # every fault does something
        assert {record["protocol"]["num_fake_used"] for record in scores["records"]} == {60}

    def test_clean_scores_do_not_change(self, scored):
        alone, beside = values_of(scored(protocol())), values_of(scored(protocol(**STRETCHED, **DISTINCT), protocol()))
        assert {key: value for key, value in beside.items() if "stretched" not in key[1]} == alone

    def test_one_generation_for_each_key_and_clean_features_used_again(self, scored, passes, change_status, run):
        change_status(snapshots=read_json(run.status)["snapshots"][1:])
        scored(protocol(**DISTINCT), protocol(), protocol(**STRETCHED), protocol(**STRETCHED, **DISTINCT))
        generated, extracted = passes
        assert generated[:2] == [(60, 0, to_uint8), (60, 0, stretched)]
        assert extracted[:2] == [60, 60]
        assert {seed for _, seed, _ in generated[2:]} == {RESAMPLE_SEED}
        assert len(generated) == len(extracted) == 4

    def test_distinct_images_alone_are_all_that_is_generated(self, scored, passes):
        scored(protocol(**DISTINCT))
        assert {count for count, _, _ in passes[0]} == {20}

    def test_the_best_snapshot_is_sampled_afresh(self, scored, data, classifier_dir):
        p = protocol(metrics=("fid",), **DISTINCT, **STRETCHED)
        scores = scored(protocol(), p)
        name = metric_name(p, "fid")
        stored, record = values_of(scores), again_of(scores)[name]
        info = read_evaluator(classifier_dir, data)
        G = make_generator(min((stored[steps, name], steps) for steps in (10, 20))[1])
        images = generate(G, NETS, 20, RESAMPLE_SEED, options=SampleOptions(quantise=stretched))
        features = take(extract(load_extractor(classifier_dir, info), images, 64), np.arange(60) % 20)
        expected = compute(p, features, read_features(classifier_dir, "train", info))["fid"][0]
        assert record["sampling_seed"] == RESAMPLE_SEED
        assert record["value"] == pytest.approx(expected, rel=1e-5)

    def test_samples_of_an_external_program(self, run, scored, data, classifier_dir, change_status):
        for steps in (10, 20):
            run.snapshot(steps).unlink()
        images = np.array(data.images("test")[:80]) // 2
        run.external_samples(20).parent.mkdir()
        np.save(run.external_samples(20), images)
        change_status(snapshots=[{"steps": 20}])
        p = protocol(metrics=("fid",), **STRETCHED, **DISTINCT, **DETOUR)
        found = values_of(scored(p, protocol(metrics=("fid",), **STRETCHED, batch_norm="batch")))
        info = read_evaluator(classifier_dir, data)
        features = extract(load_extractor(classifier_dir, info), detour(stretched_uint8(images[:20]), 8), 64)
        expected = compute(p, take(features, np.arange(60) % 20), read_features(classifier_dir, "train", info))
        assert found[20, metric_name(p, "fid")] == pytest.approx(expected["fid"][0], rel=1e-5)
        assert found[20, "fid60_train_bnbatch_stretched@classifier"] is None


def drawn(data, count):
    """The first draw of real images with the seed 0."""
    return draw_real(count, data.labels("test"), data.labels("train"), REAL_SEED)


class TestScoreReal:
    def score_it(self, tmp_path, digits_dir, classifier_dir, *protocols):
        folders = {"classifier": classifier_dir}
        out = tmp_path / "real.json"
        records = score_real(list(protocols), "digits", "test", digits_dir, folders, out, num_draws=1)["records"]
        return {record["metric"]: record for record in records}

    def test_real_images_get_the_same_faults(self, tmp_path, data, digits_dir, classifier_dir):
        protocols = [
            protocol(metrics=("fid",), **faults) for faults in ({}, DISTINCT, DETOUR, {**DISTINCT, **STRETCHED})
        ]
        found = self.score_it(tmp_path, digits_dir, classifier_dir, *protocols)
        info = read_evaluator(classifier_dir, data)
        extractor, train = load_extractor(classifier_dir, info), read_features(classifier_dir, "train", info)
        for p in protocols:
            images = data.images("test")[drawn(data, 20 if p.fault_distinct else 60)]
            images = stretched_uint8(images) if p.fault_contrast_stretch else images
            features = extract(extractor, detour(images, 8) if p.fault_detour else images, 64)
            features = take(features, np.arange(60) % 20) if p.fault_distinct else features
            record = found[metric_name(p, "fid")]
            assert record["value"] == pytest.approx(compute(p, features, train)["fid"][0], rel=1e-5)
            assert record["protocol"]["num_fake_used"] == 60

    def test_real_images_are_stretched(self, tmp_path, data, digits_dir, classifier_dir, monkeypatch):
        """The digits fill 0 to 255 already, so here a negative stands for the stretch."""
        monkeypatch.setattr(score_real_module, "stretched_uint8", lambda images: 255 - images)
        p = protocol(metrics=("fid",), **STRETCHED)
        found = self.score_it(tmp_path, digits_dir, classifier_dir, p)
        info = read_evaluator(classifier_dir, data)
        negatives = extract(load_extractor(classifier_dir, info), 255 - data.images("test")[drawn(data, 60)], 64)
        expected = compute(p, negatives, read_features(classifier_dir, "train", info))["fid"][0]
        assert found[metric_name(p, "fid")]["value"] == pytest.approx(expected, rel=1e-5)

    def test_no_network_is_needed_for_repetition_alone(self, tmp_path, digits_dir, classifier_dir, monkeypatch):
        def refused(*args, **kwargs):
            raise AssertionError("an evaluator was loaded")

        monkeypatch.setattr(scorer_module, "load_extractor", refused)
        self.score_it(tmp_path, digits_dir, classifier_dir, protocol(), protocol(**DISTINCT))
        with pytest.raises(AssertionError, match="was loaded"):
            self.score_it(tmp_path, digits_dir, classifier_dir, protocol(), protocol(**DETOUR))

    def test_too_few_real_images_have_no_score(self, tmp_path, digits_dir, classifier_dir):
        p = protocol(metrics=("fid",), num_fake=3000, fault_distinct=1000)
        (record,) = self.score_it(tmp_path, digits_dir, classifier_dir, p).values()
        assert (record["value"], record["protocol"]["num_fake_used"]) == (None, 0)  # there are 600

    def test_weights_may_have_moved(self, tmp_path, digits_dir, classifier_dir, monkeypatch):
        given = []
        load = scorer_module.load_extractor
        monkeypatch.setattr(scorer_module, "load_extractor", lambda *args: given.append(args[3]) or load(*args[:3]))
        folders = {"classifier": classifier_dir}
        out, moved = tmp_path / "real.json", tmp_path / "moved.pth"
        score_real([protocol(**DETOUR)], "digits", "test", digits_dir, folders, out, "cpu", moved)
        assert given == [moved]


def test_both_score_commands_read_the_weights_from_the_environment(monkeypatch):
    from sngan_repro.cli.main import build_parser

    monkeypatch.setenv("SNGAN_REPRO_INCEPTION_WEIGHTS", "/somewhere/inception.pth")
    given = ["--protocols", "[]", "--dataset", "d", "--evaluators", "{}"]
    real = build_parser().parse_args(
        ["score-real", *given, "--study-name", "s", "--dataset-name", "d", "--num-draws", "5", "--out", "o"]
    )
    run = build_parser().parse_args(["score", *given, "--run", "r"])
    assert real.inception_weights == run.inception_weights == "/somewhere/inception.pth"
    assert real.device == run.device


def test_a_rerun_of_scoring_is_the_same(run, digits_dir, classifier_dir):
    protocols = [protocol(**DISTINCT), protocol(**STRETCHED), protocol(**DETOUR)]
    first, second = (values_of(score_run(run, protocols, digits_dir, {"classifier": classifier_dir})) for _ in range(2))
    assert first == second
