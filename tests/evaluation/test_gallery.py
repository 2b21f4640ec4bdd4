"""The gallery of a run: its arrays, its measures, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from evaluate_support import SPEC, make_generator, protocol

from sngan_repro.config.gallery import GallerySpec
from sngan_repro.config.records import read_json_record
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation import gallery as module
from sngan_repro.evaluation.build import load_extractor, read_evaluator, read_features
from sngan_repro.evaluation.features import extract
from sngan_repro.evaluation.gallery import longest_step, make_gallery
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import interpolate, latents
from sngan_repro.nets.sampling import generate, to_uint8
from sngan_repro.nets.snapshot import save_snapshot

GALLERY = GallerySpec(look_alikes=3, neighbours=2, num_fake=20, pixels=8, rows=2, columns=4, fine_steps=8)


@pytest.fixture
def made(run, digits_dir, classifier_dir):
    """Make the gallery of the run and read it back: (record, arrays)."""

    def make(gallery: GallerySpec = GALLERY):
        record = make_gallery(run, gallery, protocol(), digits_dir, {"classifier": classifier_dir})
        with np.load(run.gallery_images) as file:
            return record, {name: file[name] for name in file}

    return make


def test_the_samples_and_the_ways(made, run):
    record, arrays = made()
    assert read_json_record(run.gallery, "") == record
    G = make_generator(20)  # the last snapshot
    assert np.array_equal(arrays["samples"], generate(G, SPEC.nets, 3, 0))
    z = latents(4, SPEC.nets.z_dim, SPEC.nets.z_law, 0)
    for way in ("linear", "spherical"):
        assert arrays[way].shape == (2, 4, 16, 16, 1)
        points = interpolate(z[[0, 2]], z[[1, 3]], 4, SPEC.nets.z_law, way).flatten(0, 1)
        with torch.no_grad():
            assert np.array_equal(arrays[way].reshape(8, 16, 16, 1), to_uint8(G.eval()(points)).numpy())


def test_the_nearest_images_against_all_distances(made, data, classifier_dir):
    """By pixels averaged to 8 x 8, and by features: with NumPy, over all pairs."""
    record, arrays = made()
    train, test = (np.asarray(data.images(split)) for split in ("train", "test"))
    fakes = generate(make_generator(20), SPEC.nets, 20, 0)
    info = read_evaluator(classifier_dir, data)
    extractor = load_extractor(classifier_dir, info)

    def averaged(images):
        return images.reshape(len(images), 8, 2, 8, 2).astype(np.float64).mean((2, 4)).reshape(len(images), -1)

    kept = np.sort(np.random.default_rng(0).permutation(len(test))[:20])
    features = [
        read_features(classifier_dir, split, info)["features"].astype(np.float64) for split in ("train", "test")
    ]
    of_fakes = extract(extractor, fakes, 64)["features"].astype(np.float64)
    spaces = {
        "pixels": tuple(map(averaged, (fakes, train, test[kept]))),
        "features": (of_fakes, features[0], features[1][kept]),
    }
    for name, (fake, real, held_out) in spaces.items():
        to_train = np.linalg.norm(fake[:, None] - real[None], axis=2)
        expected = train[to_train[:3].argsort(axis=1, kind="stable")[:, :2]]
        assert np.array_equal(arrays[f"by_{name}"], expected)
        least = np.linalg.norm(held_out[:, None] - real[None], axis=2).min(1)
        pairs = to_train.min(1)[:, None] < least[None]
        assert record["nearer"][name] == pytest.approx(pairs.mean(), abs=1e-9)


def test_copies_are_found(made, data, monkeypatch):
    """A generator that repeats training images is nearer than every held-out image, in both spaces."""
    copies = torch.from_numpy(np.array(data.images("train")[5:25]))
    monkeypatch.setattr(module, "generate_on_device", lambda *given: copies)
    record, arrays = made()
    assert record["nearer"]["pixels"] > 0.99
    assert record["nearer"]["features"] > 0.99
    for name in ("by_pixels", "by_features"):
        assert np.array_equal(arrays[name][:, 0], copies[:3].numpy())


def test_held_out_images_are_at_one_half(made, data, monkeypatch):
    """Real images that were not trained on are as near to the training images as others of their kind."""
    held_out = torch.from_numpy(np.array(data.images("test")))
    gallery = GALLERY.model_copy(update={"num_fake": len(held_out)})
    monkeypatch.setattr(module, "generate_on_device", lambda *given: held_out)
    record, _ = made(gallery)
    assert record["nearer"]["pixels"] == pytest.approx(0.5, abs=1e-9)
    assert record["nearer"]["features"] == pytest.approx(0.5, abs=1e-3)


def test_the_longest_step_is_of_the_linear_ways(made, data, classifier_dir):
    record, _ = made()
    z = latents(4, SPEC.nets.z_dim, SPEC.nets.z_law, 0)
    points = interpolate(z[[0, 2]], z[[1, 3]], 9, SPEC.nets.z_law, "linear").flatten(0, 1)
    with torch.no_grad():
        images = to_uint8(make_generator(20).eval()(points))
    extractor = load_extractor(classifier_dir, read_evaluator(classifier_dir, data))
    features = extract(extractor, images, 64)["features"].reshape(2, 9, -1)
    assert record["longest_step"] == pytest.approx(longest_step(features), rel=1e-4)


def test_a_generator_with_pixels_that_are_not_finite_has_an_empty_gallery(made, run, change_status):
    weights = make_generator(1).state_dict()
    for value in weights.values():
        value.fill_(float("nan") if value.is_floating_point() else 0)
    sha256 = save_snapshot(run, SPEC, weights, 30, ImageSpec(1, 16))
    change_status(snapshots=[{"steps": 30, "images_seen": 1, "sha256": sha256, "last_finite": False}])
    record, arrays = made()
    assert (record["nearer"], record["longest_step"], arrays) == (None, None, {})
    assert "non-finite" in record["remark"]


def test_another_snapshot_is_refused(made, run):
    run.snapshot(20).write_bytes(run.snapshot(10).read_bytes())
    with pytest.raises(ConfigError, match=r"not the snapshot that .*status\.json lists"):
        made()
