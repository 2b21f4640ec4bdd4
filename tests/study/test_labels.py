"""Checks of studies with class labels and options of networks, before any job."""

from __future__ import annotations

from typing import Any

import pytest

from sngan_repro.core.schema import ConfigError
from sngan_repro.study.load import make_study

FOUR = {"source": "digits", "image_size": 32}
LABELLED = {"family": "cnn", "width": 4, "conditional": True}


def study(**changes: Any):
    values = {
        "name": "mine",
        "title": "A study",
        "datasets": {"digits": FOUR},
        "methods": ["sngan"],
        "settings": {"A": {"lr": 0.001}},
        "seeds": [0],
        "budget": {"steps": 2},
        "scores": [{"evaluator": "classifier", "num_fake": 1000, "metrics": ["fid"]}],
        **changes,
    }
    return make_study(values, "mine.yaml")


INTRA = [{"evaluator": "classifier", "num_fake": 1000, "metrics": ["intra_fid"]}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"nets": {"family": "resnet"}, "datasets": {"digits": {**FOUR, "image_size": 28}}},
            r"methods: SNGAN: dataset 'digits': nets: family: 'resnet' has networks for images of 32, 48, 64, 128",
        ),
        (
            {"nets": {"family": "resnet", "options": {"slope": 0.2}}},
            r"methods: SNGAN: nets: options: slope: unknown key.*allowed here: upsample, pool, dense_bias",
        ),
        ({"nets": {"options": {"slope": "steep"}}}, "methods: SNGAN: nets: options: slope: .*found 'steep'"),
        (
            {
                "datasets": {"stl": {"source": "stl10", "split": "unlabeled", "image_size": 48}},
                "nets": LABELLED,
                "scores": [{"evaluator": "inception", "num_fake": 100, "metrics": ["fid"]}],
            },
            "methods: SNGAN: nets: conditional: the images of the dataset 'stl' have no classes",
        ),
        (
            {"methods": ["acgan"]},
            r"methods: AC-GAN: the method 'acgan' needs class labels; give `nets: \{conditional: true",
        ),
        (
            {"methods": [{"name": "acgan", "nets": {"condition_d": "projection"}}], "nets": LABELLED},
            "methods: AC-GAN: nets: condition_d: has no effect on 'acgan', whose D is 'ac'; remove it",
        ),
        (
            {"nets": {**LABELLED, "condition_d": "ac"}},
            "methods: SNGAN: nets: condition_d: 'ac' needs the loss of the method 'acgan', not of 'sngan'",
        ),
        ({"methods": ["began"], "nets": LABELLED}, "the discriminator of 'began' uses no class labels"),
        (
            {"methods": [{"name": "began", "nets": {"options": {"slope": 0.2}}}]},
            "methods: BEGAN: dataset 'digits': nets: options: slope: has no effect, since D is an autoencoder; remove",
        ),
        (
            {"methods": ["sngan", "ebgan"], "nets": {"options": {"dense_norm": True, "pool": "sum"}}},
            r"EBGAN: .* pool: has no effect, .*remove it, or give this entry `nets: \{options: \{pool: null\}\}`",
        ),
        ({"nets": {"condition_d": "concat_input"}}, "`condition_d` has no effect without `conditional: true`"),
        ({"training": {"batch_size": 32, "batch_size_g": 32}}, "`batch_size_g` 32 equals `batch_size`"),
        ({"scores": INTRA}, r"metrics: intra_fid: compares images of a class, and no method of this study has"),
        (
            {"scores": INTRA, "nets": LABELLED, "classifier": {"feature_dim": 128}},
            "a class has about 60 generated images, and needs more than the 128 features .*raise `num_fake`, or lower",
        ),
        (
            {
                "scores": [{**INTRA[0], "num_fake": 2000, "reference": "test"}],
                "nets": LABELLED,
                "classifier": {"feature_dim": 60},
            },
            "a class has about 60 real images, and needs more than the 60 features",
        ),
        (
            {"scores": [{**INTRA[0], "evaluator": "inception"}], "nets": LABELLED},
            "metrics: intra_fid: needs an evaluator that knows the classes of the dataset; use `evaluator: classifier`",
        ),
    ],
)
def test_mistakes_are_found_before_any_job(changes: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        study(**changes)


def test_an_autoencoder_takes_options_of_g_and_defaults():
    entry = {"name": "ebgan", "nets": {"options": {"pool": None}}}
    (plain, other) = study(methods=["sngan", entry], nets={"options": {"dense_norm": True, "pool": "sum"}}).runs()
    assert plain.nets.options == {"dense_norm": True, "pool": "sum"}
    assert other.nets.options == {"dense_norm": True}


def test_a_study_of_all_ways():
    ways = [{"name": "sngan", "label": way, "nets": {"condition_d": way}} for way in ("concat_hidden", "concat_input")]
    plain = {"name": "sngan", "label": "plain", "nets": {"conditional": False}}
    made = study(methods=["sngan", *ways, "acgan", plain], nets=LABELLED, scores=INTRA, classifier={"feature_dim": 32})
    found = {run.label: (run.nets.conditional, run.nets.condition_d) for run in made.runs()}
    assert found == {
        "SNGAN": (True, "projection"),
        "concat_hidden": (True, "concat_hidden"),
        "concat_input": (True, "concat_input"),
        "AC-GAN": (True, "ac"),
        "plain": (False, "projection"),
    }


def test_options_of_networks_are_merged_and_defaults_are_left_out():
    entries = [
        "sngan",
        {"name": "sngan", "label": "steep", "nets": {"options": {"slope": 0.3}}},
        {"name": "sngan", "label": "spelled", "nets": {"options": {"slope": 0.2, "last_width": 1}}},
        {"name": "sngan", "label": "res", "nets": {"family": "resnet", "options": {"dense_bias": True}}},
    ]
    made = study(methods=entries, nets={"options": {"slope": 0.2, "widen_at": "stride"}})
    runs = {run.label: run.nets for run in made.runs()}
    assert runs["SNGAN"].options == {"slope": 0.2, "widen_at": "stride"}
    assert runs["steep"].options == {"slope": 0.3, "widen_at": "stride"}
    assert runs["spelled"] == runs["SNGAN"]
    assert runs["res"].options == {"dense_bias": True}


def test_specifications_of_earlier_versions_keep_their_digest():
    """Keys that were added later are left out at their default; also where a study spells the default out."""
    (plain,) = study().runs()
    (spelled,) = study(
        nets={"options": {"slope": 0.1}, "condition_d": "projection"}, training={"batch_size_g": None}
    ).runs()
    assert plain.digest() == spelled.digest()
    assert not {"options", "condition_d"} & plain.to_dict()["nets"].keys()
    assert "batch_size_g" not in plain.to_dict()["training"]
    (changed,) = study(nets={"options": {"slope": 0.2}}, training={"batch_size_g": 128}).runs()
    assert changed.to_dict()["nets"]["options"] == {"slope": 0.2}
    assert changed.to_dict()["training"]["batch_size_g"] == 128
    assert changed.digest() != plain.digest()
