"""Tests of your_method.py: the checks of the training loop, and losses computed by hand."""

from pathlib import Path

import pytest
import torch

from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.plugins import load
from sngan_repro.extend.check_method import check_method
from sngan_repro.methods import METHODS
from sngan_repro.nets.interface import Batch, DOutput, ImageSpec

load(Path(__file__).with_name("your_method.py"))


@pytest.mark.parametrize("options", [{}, {"target": 0.9}])
def test_the_loop_can_train_it(options):
    failed = [str(finding) for finding in check_method("your_method", options) if finding.failed]
    assert not failed, "\n".join(failed)


def test_losses_by_hand():
    # By default `target` is 1.
    method_class = METHODS.get("your_method")
    method = method_class(method_class.Options(), ImageSpec(1, 16), NetsSpec())
    real, fake = (Batch(torch.full((4, 1, 16, 16), value)) for value in (0.5, -0.25))

    def D(images, labels=None):  # its logit is the mean of each image: 0.5 and -0.25
        return DOutput(images.mean(dim=(1, 2, 3)))

    loss, logs = method.d_loss(D, real, fake)
    assert loss.item() == pytest.approx((0.5 - 1) ** 2 + 0.25**2)
    assert logs["d_real"].item() == pytest.approx(0.5)
    assert method.g_loss(D, fake, real)[0].item() == pytest.approx((-0.25 - 1) ** 2)
