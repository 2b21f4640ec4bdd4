"""What the report says of networks and class labels."""

from __future__ import annotations

from sngan_repro.report.description import networks_text, overrides
from sngan_repro.study.load import make_study

VALUES = {
    "name": "mine",
    "title": "A study",
    "datasets": {"digits": {"source": "digits", "image_size": 32}},
    "settings": {"A": {"lr": 0.001}},
    "seeds": [0, 1],
    "budget": {"steps": 2},
    "scores": [{"evaluator": "classifier", "num_fake": 100, "metrics": ["fid"]}],
}


def test_nothing_is_said_of_plain_networks():
    assert networks_text(make_study({**VALUES, "methods": ["sngan", "began"]})) == ""


def test_labels_options_and_batch_size():
    methods = [
        "sngan",
        {"name": "sngan", "label": "Concat", "nets": {"condition_d": "concat_input", "options": {"pool": "mean"}}},
        {"name": "acgan", "label": "AC"},
        {"name": "sngan", "label": "None", "nets": {"conditional": False}},
    ]
    nets = {"family": "resnet", "conditional": True, "width": 4, "options": {"dense_bias": True}}
    study = make_study({**VALUES, "methods": methods, "nets": nets, "training": {"batch_size_g": 128}})
    assert networks_text(study) == (
        "Their options: `dense_bias: true`. The generator's steps use 128 images. The generator gets class labels as a "
        "gain and a shift per class in its batch norms, and the discriminator as a projection of its features on a "
        "vector per class [@miyato2018projection] (SNGAN), as a map per class beside the image (Concat) and as the "
        "target of a second output [@odena2017] (AC). Labels of generated images are drawn with equal probabilities."
    )
    assert overrides(study) == "Concat (condition_d: concat_input, pool: mean) and None (conditional: False)"
