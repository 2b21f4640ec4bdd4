"""The way of the labels into scores: those that G was given, and those of the real images."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from evaluate_support import SPEC, protocol
from torch import nn

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core.files import write_json
from sngan_repro.data.dataset import PreparedData
from sngan_repro.evaluation.build import load_extractor, read_evaluator, read_features
from sngan_repro.evaluation.features import extract
from sngan_repro.evaluation.score import score_run
from sngan_repro.evaluation.score_real import draw_real, score_real
from sngan_repro.evaluation.scores.intra_fid import class_distances
from sngan_repro.evaluation.selection import REAL_SEED, RESAMPLE_SEED
from sngan_repro.nets import build_generator
from sngan_repro.nets.conditional import ConditionalBatchNorm2d
from sngan_repro.nets.interface import ImageSpec
from sngan_repro.nets.latents import LabelLaw, class_labels
from sngan_repro.nets.sampling import SampleOptions, generate
from sngan_repro.nets.snapshot import save_snapshot

LABELLED = SPEC.model_copy(update={"nets": SPEC.nets.model_copy(update={"conditional": True})})
SCORES = protocol(metrics=("intra_fid", "class_accuracy"), num_fake=900)
LAW = LabelLaw.of(10)


@pytest.fixture
def conditional_run(tmp_path):
    """A run with one snapshot of a random class-conditional G."""
    torch.manual_seed(0)
    G = build_generator(LABELLED.nets, ImageSpec(1, 16, 10)).eval()
    for module in G.modules():
        if isinstance(module, ConditionalBatchNorm2d):
            nn.init.normal_(module.shifts)
    run = RunPaths(tmp_path / "run")
    sha256 = save_snapshot(run, LABELLED, G.state_dict(), 20, ImageSpec(1, 16, 10), LAW)
    snapshot = {"steps": 20, "images_seen": 1280, "sha256": sha256, "last_finite": False}
    write_json(run.spec, LABELLED.to_dict())
    write_json(run.status, {"state": "ok", "spec_digest": LABELLED.digest(), "snapshots": [snapshot]})
    return run, G


def test_labels_are_those_of_the_generator(conditional_run, digits_dir, classifier_dir):
    """The records are those of images and labels that are generated here anew, also for the fresh sample."""
    run, G = conditional_run
    found = score_run(run, [SCORES], digits_dir, {"classifier": classifier_dir})["records"]
    data = PreparedData.open(digits_dir)
    info = read_evaluator(classifier_dir, data)
    extractor = load_extractor(classifier_dir, info)
    real = {**read_features(classifier_dir, "train", info), "labels": data.labels("train")}
    for seed, records in ((0, found[:2]), (RESAMPLE_SEED, found[2:])):
        labels = class_labels(900, LAW, seed).numpy()
        images = generate(G, LABELLED.nets, 900, seed, options=SampleOptions(label_law=LAW))
        fake = {**extract(extractor, images, 64), "labels": labels}
        distances = class_distances(fake, real)
        assert list(distances) == list(range(10))
        assert [record["sampling_seed"] for record in records] == [seed, seed]
        assert records[0]["value"] == pytest.approx(np.mean(list(distances.values())), rel=1e-5)
        assert records[0]["spread_over"] == "10 classes"
        assert records[1]["value"] == pytest.approx((fake["logits"].argmax(1) == labels).mean())
        names = [str(digit) for digit in range(10)]
        assert [list(record["by_class"]) for record in records] == [names, names]
        assert list(records[0]["by_class"].values()) == pytest.approx(list(distances.values()), rel=1e-5)
        of_seven = fake["logits"][labels == 7].argmax(1) == 7
        assert records[1]["by_class"]["7"] == pytest.approx(of_seven.mean())


def test_an_unconditional_generator_has_no_value(run, digits_dir, classifier_dir):
    both = protocol(metrics=("fid", "class_accuracy"), num_fake=900)
    records = score_run(run, [both], digits_dir, {"classifier": classifier_dir})["records"]
    values = {record["metric"]: record["value"] for record in records}
    assert values["class_accuracy900@classifier"] is None
    assert values["fid900_train@classifier"] > 0


def test_real_images_have_their_own_labels(tmp_path, digits_dir, classifier_dir):
    """The class accuracy of the held-out images is the classifier's, also after a fault that changes pixels."""
    for changes, tolerance in (({}, 1e-9), ({"fault_contrast_stretch": True}, 0.1)):
        asked = SCORES.model_copy(update={"num_fake": 300, **changes})
        record = score_real([asked], "digits", "s", digits_dir, {"classifier": classifier_dir}, tmp_path / "real.json")[
            "records"
        ][1]
        data = PreparedData.open(digits_dir)
        chosen = draw_real(300, data.labels("test"), data.labels("train"), asked.seed + REAL_SEED)
        logits = read_features(classifier_dir, "test", read_evaluator(classifier_dir, data))["logits"][chosen]
        expected = (logits.argmax(1) == data.labels("test")[chosen]).mean()
        assert expected > 0.9
        assert record["value"] == pytest.approx(expected, abs=tolerance)
    assert json.loads((tmp_path / "real.json").read_text())["records"][0]["value"] is None  # 30 images of 32 features
