"""Figures of what D does: the numbers that are drawn, and what is drawn without them."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from synthetic import make_case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures import draw, style
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.discriminator import common_layers
from sngan_repro.analysis.outputs import figure_plans

METHODS = ["sngan", "wgan_gp"]


@pytest.fixture
def drawing(tmp_path):
    """A function: (kind, options of the study) -> (axes, data, matplotlib figure) of two methods and two seeds."""
    import matplotlib.pyplot as plt

    def make(kind, changed=None, **options):
        study = synthetic.make_study(methods=METHODS, training={"critic_loss_images": 30}, **options)
        case = make_case(tmp_path, study)
        aggregate(study, case.layout)
        data = FigureData.read(study, case.layout)
        if changed:
            changed(case)
        plan = next(plan for plan in figure_plans(study) if plan.kind == kind)
        with style.house_style():
            figure = draw(data, plan)
        return [ax for ax in figure.axes if ax.get_visible()], data, figure

    yield make
    plt.close("all")


def test_squared_singular_values_over_the_largest(drawing):
    """Those of the invented study fall by 0.8; conv1 has 8 of them, conv2 16, conv3 24, and linear a single one."""
    axes, *_ = drawing("spectra")
    assert [ax.get_title(loc="left") for ax in axes] == ["conv1 (8)", "conv2 (16)", "conv3 (24)"]
    for ax, count in zip(axes, (8, 16, 24), strict=True):
        lines = [line for line in ax.lines if len(line.get_xdata()) > 1]
        assert len(lines) == len(METHODS)
        for line in lines:
            assert list(line.get_xdata()) == list(range(1, count + 1))
            np.testing.assert_allclose(line.get_ydata(), 0.8 ** np.arange(count))
        assert ax.get_yscale() == "log"


def test_a_marker_stands_at_the_effective_rank(drawing):
    axes, *_ = drawing("spectra")
    shares = 0.8 ** np.arange(16) / (0.8 ** np.arange(16)).sum()
    rank = np.prod(shares**-shares)
    markers = [line for line in axes[1].lines if len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in markers] == pytest.approx([rank] * 2)
    assert 8 < rank < 16
    below, above = 0.8 ** np.floor(rank), 0.8 ** (np.floor(rank) - 1)
    assert below < markers[0].get_ydata()[0] < above


def test_a_study_without_records_has_no_spectra(drawing):
    def remove(case):
        for file in case.layout.root.rglob("d_spectra.parquet"):
            file.unlink()

    axes, *_ = drawing("spectra", remove)
    assert [text.get_text() for text in axes[0].texts] == ["not recorded"]


def test_layers_are_those_of_most_methods():
    def seeds(*names):
        return [{name: np.ones(2) for name in names}]

    assert common_layers({"A": seeds("encoder"), "B": seeds("c1", "c2"), "C": seeds("c1", "c2")}) == ("c1", "c2")
    assert common_layers({}) == ()


def test_outputs_of_d_are_means_over_seeds(drawing):
    """Quantity k is 0.1 + 0.08 k t / 400 + 0.02 seed, measured every 20 updates; the seeds are 0 and 1."""
    axes, *_ = drawing("d_outputs")
    assert len(axes) == 3 * len(METHODS)
    drawn = [line for ax in axes[:3] for line in ax.lines]
    assert len(drawn) == 8
    for number, line in enumerate(drawn):
        t = np.arange(20, 401, 20)
        assert list(line.get_xdata()) == list(t)
        np.testing.assert_allclose(line.get_ydata(), 0.11 + 0.08 * number * t / 400)
    assert [ax.get_title(loc="left") for ax in axes[:3]] == ["accuracy", "mean sigmoid of f", "input gradient"]


def test_methods_without_logits_are_left_out(drawing):
    def remove(case):
        for file in case.layout.root.rglob("WGAN-GP/**/train.parquet"):
            log = pd.read_parquet(file)
            log.drop(columns=[name for name in log if name.startswith("d/")]).to_parquet(file)

    axes, *_ = drawing("d_outputs", remove)
    assert [[text.get_text() for text in ax.texts] for ax in axes] == [[]] * 3  # those of SNGAN


def test_critic_loss_on_training_and_held_out_images(drawing):
    axes, _, figure = drawing("critic_loss")
    assert len(axes) == len(METHODS)
    for ax in axes:
        train, held_out = ax.lines
        t = np.arange(20, 401, 20)
        np.testing.assert_allclose(train.get_ydata(), 0.11 + 0.08 * 8 * t / 400)
        np.testing.assert_allclose(held_out.get_ydata(), 0.11 + 0.08 * 9 * t / 400)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training images", "held-out images"]


def test_a_critic_loss_that_is_not_measured_has_no_figure():
    assert "critic_loss" not in [plan.kind for plan in figure_plans(synthetic.make_study())]
