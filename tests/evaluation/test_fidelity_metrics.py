import numpy as np
import pytest
import torch
import torch_fidelity
from torch.utils.data import Dataset

import sngan_repro.evaluation.inception  # noqa: F401  (registers the extractors)
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData
from sngan_repro.evaluation.build import load_extractor, read_evaluator
from sngan_repro.evaluation.features import as_input, extract
from sngan_repro.evaluation.metrics import compute, infeasible, select, take
from sngan_repro.evaluation.scores import precision_recall


class Tensors(Dataset):
    """uint8 images (N, H, W, C) as torch-fidelity wants them."""

    def __init__(self, images):
        self.images = as_input(torch.from_numpy(np.array(images))).contiguous()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def protocol(**changes):
    values = {"evaluator": "classifier", "num_fake": 200, "kid_subset_size": 50, "kid_subsets": 20, "is_splits": 4}
    return ProtocolSpec.model_validate({**values, **changes})


def with_features(fake, real):
    """Features as given (N, D); logits are not looked at."""
    return tuple(
        {"features": np.asarray(x, np.float32), "logits": np.zeros((len(x), 2), np.float32)} for x in (fake, real)
    )


@pytest.fixture(scope="module")
def data(digits_dir):
    return PreparedData.open(digits_dir)


@pytest.fixture(scope="module")
def extractor(classifier_dir, data):
    return load_extractor(classifier_dir, read_evaluator(classifier_dir, data))


@pytest.fixture(scope="module")
def blurred(data):
    """ "Generated" images: test digits, blurred and noisy."""
    x = data.images("test")[:200].astype(float)
    x = (x + np.roll(x, 1, axis=1) + np.roll(x, 1, axis=2)) / 3 + np.random.default_rng(0).normal(0, 12, x.shape)
    return x.clip(0, 255).astype(np.uint8)


class TestEqualsTorchFidelity:
    """Every value against torch_fidelity.calculate_metrics on the same images."""

    @pytest.mark.parametrize(("seed", "num_real"), [(0, None), (3, 150)])
    def test_all_metrics(self, data, extractor, classifier_dir, blurred, seed, num_real):
        reference = data.images("train")
        if num_real:
            reference = reference[select(num_real, len(reference), seed)]
        ours = compute(
            protocol(seed=seed, num_real=num_real), extract(extractor, blurred, 64), extract(extractor, reference, 100)
        )
        theirs = torch_fidelity.calculate_metrics(
            input1=Tensors(blurred),
            input2=Tensors(reference),
            feature_extractor="sngan-repro-classifier",
            feature_extractor_weights_path=str(classifier_dir / "weights.safetensors"),
            isc=True,
            fid=True,
            kid=True,
            prc=True,
            isc_splits=4,
            kid_subsets=20,
            kid_subset_size=50,
            rng_seed=2020 + seed,
            cuda=False,
            cache=False,
            save_cpu_ram=True,
            verbose=False,
        )
        expected = {
            "is": ("inception_score_mean", "inception_score_std", "4 splits"),
            "fid": ("frechet_inception_distance", None, None),
            "kid": ("kernel_inception_distance_mean", "kernel_inception_distance_std", "20 subsets"),
            "precision": ("precision", None, None),
            "recall": ("recall", None, None),
        }
        assert list(ours) == list(expected)
        for metric, (mean, spread, over) in expected.items():
            value, found_spread, found_over = ours[metric]
            assert value == pytest.approx(theirs[mean], rel=1e-6, abs=1e-6), metric
            assert found_spread == (pytest.approx(theirs[spread], rel=1e-5, abs=1e-6) if spread else None), metric
            assert found_over == over

    def test_large_sets_by_blocks(self, monkeypatch):
        rng = np.random.default_rng(0)
        fake, real = with_features(rng.standard_normal((90, 5)), rng.standard_normal((70, 5)) * 1.3)
        p = protocol(metrics=("precision", "recall"))
        whole = compute(p, fake, real)
        monkeypatch.setattr(precision_recall, "BLOCK", {"cpu": (16, 32)})
        assert compute(p, fake, real) == whole
        assert 0 < whole["precision"][0] < 1


class TestKnownAnswers:
    def test_precision_is_of_the_generated_and_recall_of_the_real(self):
        """Generated: a tight cluster inside one of two real clusters. All of it is real-like; half is never made."""
        rng = np.random.default_rng(0)
        left, right = rng.normal(0, 1, (100, 2)), rng.normal(0, 1, (100, 2)) + np.array([50, 0])
        fake, real = with_features(rng.normal(0, 0.8, (100, 2)), np.concatenate([left, right]))
        found = compute(protocol(metrics=("precision", "recall")), fake, real)
        assert found["precision"][0] > 0.85
        assert 0.25 < found["recall"][0] <= 0.5
        swapped = compute(protocol(metrics=("recall", "precision")), real, fake)
        assert swapped["precision"][0] == found["recall"][0]
        assert swapped["recall"][0] == found["precision"][0]
        assert list(swapped) == ["recall", "precision"]

    def test_far_away_sets(self):
        x = np.random.default_rng(0).standard_normal((50, 3))
        found = compute(protocol(metrics=("precision", "recall")), *with_features(x + 100, x))
        assert (found["precision"][0], found["recall"][0]) == (0, 0)

    @pytest.mark.parametrize("classes", [2, 5])
    def test_inception_score_of_sure_and_balanced_classes_is_their_number(self, classes):
        logits = np.tile(100 * np.eye(10, dtype=np.float32)[:classes], (40, 1))
        fake = {"features": np.zeros((40 * classes, 1), np.float32), "logits": logits}
        value, spread, over = compute(protocol(metrics=("is",), is_splits=1), fake, fake)["is"]
        assert value == pytest.approx(classes, rel=1e-6)
        assert (spread, over) == (None, None)

    def test_inception_score_of_no_opinion_is_one(self):
        fake = {"features": np.zeros((20, 1), np.float32), "logits": np.zeros((20, 10), np.float32)}
        assert compute(protocol(metrics=("is",)), fake, fake)["is"][0] == pytest.approx(1)

    def test_kid_by_hand(self):
        """One feature, all images in the one subset; k(a, b) = (a b + 1)^3."""
        fake, real = with_features([[0.0], [1.0]], [[1.0], [2.0]])
        # within fake: k(0,1) = 1; within real: k(1,2) = 27; across: k(0,1) + k(0,2) + k(1,1) + k(1,2) = 1 + 1 + 8 + 27
        value, spread, over = compute(protocol(metrics=("kid",), kid_subset_size=2, kid_subsets=3), fake, real)["kid"]
        assert value == pytest.approx(1 + 27 - 2 * 37 / 4)
        assert (spread, over) == (0, "3 subsets")


class TestSeed:
    def test_drives_splits_and_subsets(self, extractor, data, blurred):
        fake, real = extract(extractor, blurred, 64), extract(extractor, data.images("test"), 64)
        zero, again, other = (compute(protocol(seed=s, metrics=("is", "kid", "fid")), fake, real) for s in (0, 0, 1))
        assert zero == again
        assert zero["is"] != other["is"]
        assert zero["kid"] != other["kid"]
        assert zero["fid"] == other["fid"]

    def test_select(self):
        chosen = select(10, 1000, seed=1)
        assert len(set(chosen.tolist())) == 10
        assert np.all(np.diff(chosen) > 0)
        assert chosen[-1] > 500  # not simply the first ones
        assert np.array_equal(chosen, select(10, 1000, seed=1))
        assert not np.array_equal(chosen, select(10, 1000, seed=2))
        assert np.array_equal(select(5, 5, seed=1), np.arange(5))
        with pytest.raises(ConfigError, match="6 images are needed, but there are 5"):
            select(6, 5, seed=1)


class TestTooFewOrBroken:
    def test_reasons_name_the_key(self):
        assert "`kid_subset_size` 50" in infeasible("kid", protocol(), 200, 49)
        assert "`is_splits` 4" in infeasible("is", protocol(), 7, 200)
        assert "at least 4" in infeasible("recall", protocol(), 3, 200)
        assert "at least 2" in infeasible("fid", protocol(), 1, 200)
        assert [infeasible(m, protocol(), 50, 50) for m in ("is", "fid", "kid", "precision")] == [None] * 4

    def test_metrics_that_cannot_be_computed_are_none(self):
        x = np.random.default_rng(0).standard_normal((20, 3))
        found = compute(protocol(), *with_features(x, x))
        assert found["kid"] == (None, None, None)
        assert found["fid"][0] == pytest.approx(0, abs=1e-9)

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    @pytest.mark.parametrize("feature", [1e30, np.nan])
    def test_values_that_are_not_finite_are_none(self, feature):
        fake = {"features": np.full((20, 2), feature, np.float32), "logits": np.full((20, 3), np.nan, np.float32)}
        real = take(fake, slice(10))
        found = compute(protocol(metrics=("is", "kid", "fid"), kid_subset_size=5), fake, real)
        assert found["is"] == found["kid"] == (None, None, None)
        assert (found["fid"][0] is None) == np.isnan(feature)


def test_extractor_offers_its_layers(classifier_dir):
    weights = str(classifier_dir / "weights.safetensors")
    create = torch_fidelity.registry.FEATURE_EXTRACTORS_REGISTRY["sngan-repro-classifier"]
    images = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8)
    both = create("x", ["logits", "features"], feature_extractor_weights_path=weights)(images)
    assert [values.shape for values in both] == [(3, 10), (3, 32)]
    (features,) = create("x", ["features"], feature_extractor_weights_path=weights)(images)
    assert torch.equal(features, both[1])
    with pytest.raises(ValueError, match="feature_extractor_weights_path"):
        create("x", ["features"])


class TestExtract:
    def test_batch_size_moves_rounding_only(self, extractor, data):
        images = data.images("test")[:101]
        one, two = extract(extractor, images, 101), extract(extractor, images, 7)
        for name, size in (("features", 32), ("logits", 10)):
            assert one[name].shape == (101, size)
            assert one[name].dtype == np.float32
            scale = abs(one[name]).max()
            assert np.allclose(one[name], two[name], rtol=0, atol=1e-6 * scale)

    def test_images_may_be_a_tensor(self, extractor, data):
        images = np.array(data.images("test")[:50])
        found = [extract(extractor, given, 20) for given in (images, torch.from_numpy(images))]
        assert all(np.array_equal(found[0][name], found[1][name]) for name in ("features", "logits"))

    def test_no_images(self, extractor):
        found = extract(extractor, np.zeros((0, 16, 16, 1), np.uint8), 8)
        assert {name: values.shape for name, values in found.items()} == {"features": (0, 32), "logits": (0, 10)}

    def test_progress_is_reported_when_slow(self, extractor, monkeypatch, capsys):
        images = np.zeros((10, 16, 16, 1), np.uint8)
        extract(extractor, images, 4)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr("sngan_repro.core.progress.LOG_SECONDS", 0)
        extract(extractor, images, 4)
        assert "features" in (printed := capsys.readouterr().err)
        assert "8/10" in printed
