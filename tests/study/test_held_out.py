"""The critic loss on held-out images is asked for only where there are some."""

from __future__ import annotations

import pytest
import synthetic

from sngan_repro.core.files import write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.study.held_out import check_held_out, check_prepared_held_out

CRITIC = {"training": {"critic_loss_images": 50}}


def test_a_dataset_without_held_out_images(tmp_path):
    study = synthetic.make_study(**CRITIC)
    record = {
        "num_train": 9,
        "image_shape": [1, 16, 16],
        "classes": None,
        "sha256": "0" * 64,
        "labels_sha256": "0" * 64,
    }
    write_json(tmp_path / "dataset.json", {**record, "num_test": 0})
    with pytest.raises(ConfigError, match=r"critic_loss_images: 50: needs held-out images.*'digits'.*test_fraction"):
        check_prepared_held_out(study, "digits", tmp_path)
    write_json(tmp_path / "dataset.json", {**record, "num_test": 1})
    check_prepared_held_out(study, "digits", tmp_path)
    check_prepared_held_out(study, "digits", tmp_path / "nothing prepared yet")


def test_a_study_that_does_not_ask_is_not_checked():
    check_held_out(synthetic.make_study(), "digits", 0)


def test_programs_have_no_critic_loss():
    with pytest.raises(ConfigError, match=r"critic_loss_images: 50: has no effect, since all methods are programs"):
        synthetic.make_study(methods=["programs/pca_sampler.yaml"], **CRITIC)
