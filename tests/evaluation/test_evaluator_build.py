import json
import shutil

import numpy as np
import pytest
import torch
from evaluate_support import OPTIONS, write_prepared

from sngan_repro.cli.main import main
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.config.records import read_json_record
from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.files import file_sha256
from sngan_repro.core.runtime import cpu_threads
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.dataset import PreparedData
from sngan_repro.evaluation import build
from sngan_repro.evaluation.build import build_evaluator, load_extractor, read_evaluator, read_features, read_radii
from sngan_repro.evaluation.evaluators import EVALUATORS, Evaluator, WeightsFile
from sngan_repro.evaluation.feasible import check_protocols
from sngan_repro.evaluation.features import extract
from sngan_repro.evaluation.scores.precision_recall import squared_radii
from sngan_repro.study.layout import Layout


@pytest.fixture
def data(digits_dir):
    return PreparedData.open(digits_dir)


@pytest.fixture
def folder(classifier_dir, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(classifier_dir, tmp_path / "classifier")


def rebuild(digits_dir, folder, options=OPTIONS):
    return build_evaluator("classifier", digits_dir, options, folder, None)


def test_what_is_written(classifier_dir, data):
    info = json.loads((classifier_dir / "evaluator.json").read_text())
    assert {path.name for path in classifier_dir.iterdir()} == {
        "evaluator.json",
        "weights.safetensors",
        "features_train.npz",
        "features_test.npz",
        "verified.json",
    }
    assert (info["evaluator"], info["feature_dim"], info["num_classes"]) == ("classifier", 32, 10)
    assert info["options"] == OPTIONS.to_dict()
    assert info["dataset_sha256"] == data.sha256
    assert info["weights_sha256"] == file_sha256(classifier_dir / "weights.safetensors")


def test_the_weights_do_not_depend_on_the_threads_of_the_caller(classifier_dir, digits_dir, tmp_path):
    with cpu_threads(3):
        info = rebuild(digits_dir, tmp_path / "classifier")
        assert torch.get_num_threads() == 3
    expected = read_json_record(classifier_dir / "evaluator.json", "")
    assert [info[key] for key in ("weights_sha256", "features_sha256", "digest")] == [
        expected[key] for key in ("weights_sha256", "features_sha256", "digest")
    ]


@pytest.mark.parametrize("split", ["train", "test"])
def test_cached_features_are_those_of_the_saved_weights(classifier_dir, data, split):
    info = read_evaluator(classifier_dir, data)
    cached = read_features(classifier_dir, split, info)
    fresh = extract(load_extractor(classifier_dir, info), data.images(split), 256)
    assert np.array_equal(cached["features"], fresh["features"])
    assert np.array_equal(cached["logits"], fresh["logits"])
    assert len(cached["features"]) == data.num(split)
    right = (cached["logits"].argmax(1) == data.labels(split)).mean()
    assert right == pytest.approx(info[f"{split}_accuracy"])


def test_radii_are_kept_beside_the_features(classifier_dir, data, tmp_path):
    info = read_evaluator(classifier_dir, data)
    features = read_features(classifier_dir, "test", info)["features"]
    changed = {**info, "features_sha256": {**info["features_sha256"], "test": "0" * 64}}
    with pytest.raises(ConfigError, match=r"features_test\.npz: cannot be read \(it has changed"):
        read_features(classifier_dir, "test", changed)
    del info["features_sha256"]  # earlier versions wrote neither
    assert np.array_equal(read_radii(classifier_dir, "test", info), squared_radii(features))
    with np.load(classifier_dir / "features_test.npz") as file:
        earlier = {name: file[name] for name in file if name != "radii"}
    np.savez(tmp_path / "features_test.npz", **earlier)
    assert read_radii(tmp_path, "test", info) is None
    assert np.array_equal(read_features(tmp_path, "test", info)["features"], features)


@pytest.mark.slow
class TestSecondBuild:
    def test_complete_folder_is_left_alone(self, digits_dir, folder, monkeypatch):
        files = [path for path in folder.iterdir() if path.name != "verified.json"]
        before = {path.name: path.stat().st_mtime_ns for path in files}
        monkeypatch.setattr(build, "extract", None)  # any work would fail
        assert rebuild(digits_dir, folder) == read_json_record(folder / "evaluator.json", "")
        assert {path.name: path.stat().st_mtime_ns for path in files} == before

    @pytest.mark.parametrize(
        ("name", "damage"),
        [("weights.safetensors", "cut short"), ("features_test.npz", "missing"), ("evaluator.json", "cut short")],
    )
    def test_damaged_folder_is_made_anew_and_equal(self, digits_dir, folder, classifier_dir, name, damage):
        path = folder / name
        content = path.read_bytes()
        path.unlink() if damage == "missing" else path.write_bytes(content[: len(content) // 2])
        info = rebuild(digits_dir, folder)
        assert info["digest"] == json.loads((classifier_dir / "evaluator.json").read_text())["digest"]
        assert (folder / "weights.safetensors").read_bytes() == (classifier_dir / "weights.safetensors").read_bytes()
        assert len(read_features(folder, "test", info)["features"]) == 600

    def test_other_options_are_another_evaluator(self, digits_dir, folder):
        before = json.loads((folder / "evaluator.json").read_text())
        after = rebuild(digits_dir, folder, OPTIONS.model_copy(update={"epochs": 1, "seed": 1}))
        assert after["options"]["epochs"] == 1
        assert after["digest"] != before["digest"]

    def test_failure_leaves_no_evaluator_json(self, digits_dir, folder, monkeypatch):
        monkeypatch.setattr(build, "extract", None)
        with pytest.raises(TypeError):
            rebuild(digits_dir, folder, OPTIONS.model_copy(update={"epochs": 1}))
        assert not (folder / "evaluator.json").exists()


class TestReaders:
    def test_features_of_other_weights_are_refused(self, folder, data):
        info = read_evaluator(folder, data)
        with pytest.raises(ConfigError, match=f"made by evaluator {info['digest']}.*expected 0123"):
            read_features(folder, "train", {**info, "digest": "0123"})

    def test_features_of_other_images_are_refused(self, folder, data):
        info = read_evaluator(folder, data)
        with pytest.raises(ConfigError, match="from images"):
            read_features(folder, "train", {**info, "dataset_sha256": "f" * 64})

    def test_unreadable_features(self, folder, data):
        (folder / "features_train.npz").write_bytes(b"PK no")
        with pytest.raises(ConfigError, match=r"features_train\.npz: cannot be read"):
            read_features(folder, "train", read_evaluator(folder, data))

    def test_evaluator_of_other_images(self, folder, tmp_path):
        images = np.zeros((4, 16, 16, 1), np.uint8)
        other = PreparedData.open(write_prepared(tmp_path / "other", images, np.arange(4), 2))
        with pytest.raises(ConfigError, match="made for images"):
            read_evaluator(folder, other)

    def test_changed_weights(self, folder, data):
        info = read_evaluator(folder, data)
        with (folder / "weights.safetensors").open("r+b") as stream:
            stream.seek(-1, 2)
            stream.write(b"\x7f")
        with pytest.raises(ConfigError, match="but the features in"):
            load_extractor(folder, info)

    def test_damaged_description(self, folder, data):
        (folder / "evaluator.json").write_text("{")
        with pytest.raises(ConfigError, match=r"evaluator\.json: damaged, not JSON"):
            read_evaluator(folder, data)

    def test_not_built(self, tmp_path, data):
        with pytest.raises(ConfigError, match="not built"):
            read_evaluator(tmp_path, data)


class TestDatasets:
    def test_without_labels(self, tmp_path):
        prepared = write_prepared(tmp_path / "p", np.zeros((4, 16, 16, 1), np.uint8), np.full(4, -1), 4)
        with pytest.raises(ConfigError, match=r"4 training images of 'Test images'.*4 have none.*evaluator: inception"):
            rebuild(prepared, tmp_path / "out")
        assert not (tmp_path / "out" / "evaluator.json").exists()

    def test_of_one_class(self, tmp_path):
        prepared = write_prepared(tmp_path / "p", np.zeros((4, 16, 16, 1), np.uint8), np.zeros(4, np.int64), 4)
        with pytest.raises(ConfigError, match="at least 2 classes"):
            rebuild(prepared, tmp_path / "out")

    def test_without_test_split(self, tmp_path):
        images = np.random.default_rng(0).integers(0, 256, (8, 20, 20, 3)).astype(np.uint8)
        prepared = write_prepared(tmp_path / "p", images, np.arange(8) % 2, 8, ["a", "b"])
        info = rebuild(prepared, tmp_path / "out", OPTIONS.model_copy(update={"epochs": 1}))
        assert info["test_accuracy"] is None
        assert read_features(tmp_path / "out", "test", info)["features"].shape == (0, 32)

    def test_unknown_evaluator(self, digits_dir, tmp_path):
        with pytest.raises(ConfigError, match=r"unknown evaluator 'clasifier'; did you mean 'classifier'"):
            build_evaluator("clasifier", digits_dir, OPTIONS, tmp_path, None)


class TestInception:
    """With a stand-in for the network: its own arithmetic is tested elsewhere."""

    @pytest.fixture
    def weights(self, tmp_path, monkeypatch):
        def stand_in(path, device):
            scale = float(path.read_text())
            return lambda x: (x.float().mean((2, 3)) * scale, x.float().amax((2, 3)))

        monkeypatch.setattr("sngan_repro.evaluation.inception.load_inception", stand_in)
        (tmp_path / "w.pth").write_text("2")
        return tmp_path / "w.pth"

    def test_needs_weights(self, digits_dir, tmp_path):
        with pytest.raises(ConfigError, match="`inception_weights`"):
            build_evaluator("inception", digits_dir, OPTIONS, tmp_path, None)

    def test_folder(self, digits_dir, data, tmp_path, weights):
        info = build_evaluator("inception", digits_dir, OPTIONS, tmp_path / "out", weights)
        assert (info["train_accuracy"], info["test_accuracy"], info["options"]) == (None, None, {})
        assert info["weights"] == str(weights)
        features = read_features(tmp_path / "out", "test", info)["features"]
        expected = data.images("test").mean(axis=(1, 2)) * 2
        assert np.allclose(features, expected, rtol=1e-5)  # three equal channels
        assert features.shape == (600, 3)

    def test_other_weights_are_another_evaluator(self, digits_dir, tmp_path, weights):
        first = build_evaluator("inception", digits_dir, OPTIONS, tmp_path / "out", weights)
        weights.write_text("3")
        second = build_evaluator("inception", digits_dir, OPTIONS, tmp_path / "out", weights)
        assert first["digest"] != second["digest"]

    def test_weights_that_moved(self, digits_dir, tmp_path, weights):
        info = build_evaluator("inception", digits_dir, OPTIONS, tmp_path / "out", weights)
        moved = weights.rename(tmp_path / "moved.pth")
        with pytest.raises(ConfigError, match=r"w\.pth: the weights of the evaluator are missing"):
            load_extractor(tmp_path / "out", info)
        extractor = load_extractor(tmp_path / "out", info, weights=moved)
        assert extractor(torch.ones(1, 3, 4, 4))[0][0, 0] == 2


class TestOwnEvaluators:
    """Kinds of evaluators that the package has once, or not at all, under another name."""

    @pytest.fixture(autouse=True)
    def _forget(self):
        with EVALUATORS.restored():
            yield

    @pytest.fixture
    def published(self, tmp_path):
        """A network with published weights of its own: one number."""
        source = tmp_path / "server" / "scale.txt"
        source.parent.mkdir()
        source.write_text("3")

        @EVALUATORS.register("scaled")
        class Scaled(Evaluator):
            summary = preprocessing = features = "means times a published number"
            weights = WeightsFile("scale.txt", source.as_uri(), file_sha256(source)[:12])

            @classmethod
            def load(cls, weights, device="cpu"):
                scale = float(weights.read_text())
                return lambda images: (images.float().mean((2, 3)) * scale, images.float().amax((2, 3)))

        return Scaled

    def test_published_weights_are_fetched_recorded_and_used(self, published, digits_dir, data, tmp_path, capsys):
        folder, out = tmp_path / "weights", tmp_path / "out"
        main(["fetch-weights", "--evaluator", "scaled", "--weights-dir", str(folder)])
        assert json.loads((folder / "scaled.json").read_text())["file"] == "scale.txt"
        given = ["--name", "scaled", "--dataset", str(digits_dir), "--options", "{}", "--device", "cpu"]
        main(["evaluator", *given, "--weights", str(folder / "scaled.json"), "--out", str(out)])
        info = read_evaluator(out, data)
        assert (info["options"], info["test_accuracy"], info["weights"]) == ({}, None, str(folder / "scale.txt"))
        expected = data.images("test").mean(axis=(1, 2)) * 3
        assert np.allclose(read_features(out, "test", info)["features"], expected, rtol=1e-5)
        # Where the weights of another evaluator are does not concern this one.
        assert load_extractor(out, info, weights=tmp_path / "elsewhere.pth")(torch.ones(1, 3, 4, 4))[0][0, 0] == 3
        (folder / "scale.txt").unlink()
        with pytest.raises(ConfigError, match=r"scale\.txt: the weights of the evaluator are missing; remove"):
            load_extractor(out, info)

    def test_published_weights_are_needed(self, published, digits_dir, tmp_path):
        with pytest.raises(
            ConfigError, match=r"'scaled' needs its weights: stage scale\.txt or let them be downloaded"
        ):
            build_evaluator("scaled", digits_dir, OPTIONS, tmp_path / "out", None)

    def test_fetching_is_for_published_ones(self, tmp_path, capsys):
        with pytest.raises(SystemExit):
            main(["fetch-weights", "--evaluator", "classifier", "--weights-dir", str(tmp_path)])
        assert "the evaluator 'classifier' needs no weights file" in capsys.readouterr().err

    def test_a_trained_one_has_options_and_needs_labels(self, digits_dir, tmp_path):
        EVALUATORS.register("judge")(type("Judge", (EVALUATORS.get("classifier"),), {"features": "a judge"}))
        options = OPTIONS.model_copy(update={"epochs": 1})
        layout = Layout("s", tmp_path, tmp_path)
        spec = DatasetSpec(source="digits", image_size=16)
        assert layout.evaluator(spec, "judge", options) != layout.evaluator(spec, "judge", OPTIONS)
        assert layout.evaluator(spec, "inception", options) == layout.evaluator(spec, "inception", OPTIONS)
        info = build_evaluator("judge", digits_dir, options, tmp_path / "out", None)
        assert info["options"] == options.to_dict()
        assert info["test_accuracy"] > 0.5
        protocol = ProtocolSpec(evaluator="judge", num_fake=100, metrics=("fid",))
        with pytest.raises(
            ConfigError, match=r"no classes to train the evaluator 'judge' on; use `evaluator: inception`"
        ):
            check_protocols("d", [protocol], 100, 100, labelled=False)
