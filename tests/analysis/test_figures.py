import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import synthetic
from drawn import heights
from PIL import Image
from synthetic import make_case

from sngan_repro.analysis import figures
from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures import draw, panels, style
from sngan_repro.analysis.figures.data import FigureData
from sngan_repro.analysis.figures.grids import tile
from sngan_repro.analysis.outputs import figure_files, figure_plans
from sngan_repro.core.schema import ConfigError


def plan_of(case, kind, topic=""):
    return next(plan for plan in figure_plans(case.study) if plan.kind == kind and topic in plan.topic)


@pytest.fixture
def figure(finished):
    """Draw one figure and return it with its axes; nothing is written."""
    import matplotlib.pyplot as plt

    data = FigureData.read(finished.study, finished.layout)
    with style.house_style():

        def make(kind, topic=""):
            return draw(data, plan_of(finished, kind, topic))

        yield make
        plt.close("all")


def svg_texts(path):
    return [element.text for element in ElementTree.parse(path).iter() if element.tag.endswith("}text")]


def test_exactly_the_announced_files_are_written(drawn):
    files = [*figure_files(drawn.study, drawn.layout), drawn.layout.figures / "figures.sha256"]
    assert sorted(drawn.layout.figures.iterdir()) == sorted(files)


def test_figures_of_an_earlier_form_are_removed(tmp_path, monkeypatch):
    study = synthetic.make_study(methods=["sngan"])
    case = make_case(tmp_path, study)
    aggregate(study, case.layout)
    monkeypatch.setattr(figures, "figure_plans", lambda study: figure_plans(study)[-1:])
    monkeypatch.setattr(figures, "figure_files", lambda study, layout: figure_files(study, layout)[-2:])
    case.layout.figures.mkdir()
    for name in ("training_digits_fid500.svg", "training_digits_fid500.png", "notes.txt"):
        (case.layout.figures / name).write_text("old")
    figures.make_figures(study, case.layout)
    found = sorted(file.name for file in case.layout.figures.iterdir())
    assert found == ["cost_digits.png", "cost_digits.svg", "figures.sha256", "notes.txt"]


def test_figures_fit_the_page_and_have_print_resolution(drawn):
    for plan in figure_plans(drawn.study):
        root = ElementTree.parse(plan.file(drawn.layout, "svg")).getroot()
        width, height = (float(root.get(key).removesuffix("pt")) / 72 for key in ("width", "height"))
        assert 2 < width <= style.WIDTH + 1e-6
        assert height <= style.HEIGHT + 1e-6
        with Image.open(plan.file(drawn.layout, "png")) as image:
            assert abs(image.width - width * style.PNG_DPI) <= 1


def test_text_stays_text_and_is_at_least_7_pt(drawn):
    for plan in figure_plans(drawn.study):
        source = plan.file(drawn.layout, "svg").read_text(encoding="utf-8")
        sizes = [float(size) for size in re.findall(r"font(?:-size)?: (?:\w+ )?([0-9.]+)px", source)]
        assert sizes
        assert min(sizes) >= 7
    texts = svg_texts(plan_of(drawn, "scores", "headline").file(drawn.layout, "svg"))
    assert {"SNGAN", "WGAN-GP", "BEGAN", "A", "B", "IS ↑", "FID ↓", "mean", "diverged run", "××", "×"} <= set(texts)


def test_same_results_give_the_same_bytes(drawn, tmp_path):
    again = drawn.copy(tmp_path)
    plans = [plan_of(drawn, kind) for kind in ("scores", "samples", "divergence")]
    data = FigureData.read(again.study, again.layout)
    with style.house_style():
        for plan in plans:
            files = [plan.file(again.layout, suffix) for suffix in ("svg", "png")]
            before = [file.read_bytes() for file in files]
            for file in files:
                file.unlink()
            style.save(draw(data, plan), plan, again.layout)
            assert [file.read_bytes() for file in files] == before


def test_dots_have_the_height_of_the_means(figure, finished):
    fig = figure("scores", "headline")
    data = FigureData.read(finished.study, finished.layout)
    for ax, metric in zip(fig.axes, finished.study.headline_metrics, strict=True):
        means = [
            data.cell("digits", metric, label, setting)["mean"]
            for label in finished.study.labels
            for setting in finished.study.settings
        ]
        assert heights(ax) == [mean for mean in means if not np.isnan(mean)]
        assert len(heights(ax)) == 5  # WGAN-GP at A has no finished run


@pytest.mark.parametrize(
    ("values", "real", "scale"),
    [((1.0, 50.0), 0.14, "log"), ((10.0, 50.0), 0.14, "linear"), ((10.0, 50.0), 12.0, "linear")],
)
def test_wide_ranges_of_distances_are_logarithmic_whatever_real_images_have(tmp_path, monkeypatch, values, real, scale):
    level = dict(zip(("SNGAN", "BN"), values, strict=True))
    study = synthetic.make_study(methods=["sngan", "bn"])
    case = make_case(tmp_path, study, value=lambda m, spec, u: level[spec.label])
    aggregate(study, case.layout)
    monkeypatch.setattr(panels, "real_value", lambda *_: real)
    with style.house_style():
        fig = draw(FigureData.read(study, case.layout), plan_of(case, "scores", "headline"))
    score, distance = fig.axes
    assert (score.get_yscale(), distance.get_yscale()) == ("linear", scale)
    low, high = distance.get_ylim()
    assert low <= min(values) < 50.0 < high
    assert low > 0.5  # far from real images at 0.14
    notes = [text.get_text() for text in distance.texts if "real data" in text.get_text()]
    across = [line for line in distance.lines if list(line.get_ydata()) == [real, real]]
    if low <= real <= high:
        assert (notes, len(across)) == ([], 1)
    else:
        assert (notes, across) == (["real data 0.140 ↓"], [])
    legend = [text.get_text() for text in fig.legends[0].get_texts()]
    drawn = [line for ax in (score, distance) for line in ax.lines if list(line.get_ydata()) == [real, real]]
    assert ("Real data" in legend) == bool(drawn)


def test_lines_that_leave_the_range_say_how_far():
    with style.house_style():
        _, ((ax, other),) = style.canvas(2, 1, 2)
        ax.plot([0, 1, 2], [1.0, 37.5, 2.0])
        ax.axvline(1.0)
        ax.set_ylim(0, 5)
        other.plot([0, 1], [1.0, 2.0])
        for each in (ax, other):
            style.cut_note(each)
    assert [text.get_text() for text in ax.texts] == ["cut: 37.5 ↑"]
    assert not other.texts


def test_points_of_single_runs_have_dark_edges(figure):
    points = [li for ax in figure("cost").axes for li in ax.lines if li.get_marker() not in ("None", None, "")]
    assert points
    assert {point.get_markeredgecolor() for point in points} == {style.INK}


def test_samples_of_every_setting_are_drawn_on_request(finished):
    study = finished.study.model_copy(update={"all_samples": True})
    plans = [plan for plan in figure_plans(study) if plan.kind == "progress_all"]
    assert [(plan.methods, plan.settings) for plan in plans] == [((label,), ("A", "B")) for label in study.labels]
    data = FigureData.read(study, finished.layout)
    with style.house_style():
        fig = draw(data, plans[0])
    labels = [ax.get_ylabel() for ax in fig.axes if ax.get_ylabel()]
    assert labels == ["SNGAN\n(A)", "SNGAN\n(B)"]
    assert not [plan for plan in figure_plans(finished.study) if plan.kind == "progress_all"]


def test_the_cost_says_how_many_runs_took_place_at_once(figure):
    assert "(up to 12 runs at once)" in figure("cost").axes[0].get_xlabel()


def test_numbers_of_costs_stand_at_the_ends_of_the_bars(figure):
    ax = figure("cost").axes[0]
    assert [text.xy[0] for text in ax.texts] == [bar.get_width() for bar in ax.patches]


def test_training_curve_is_the_mean_of_finished_seeds(figure, finished):
    fig = figure("training", "fid")
    data = FigureData.read(finished.study, finished.layout)
    line = next(line for line in fig.axes[0].lines if line.get_color() == data.styles["SNGAN"].color)
    specs = [s for s in finished.study.runs() if (s.label, s.setting) == ("SNGAN", "A")]
    expected = [np.mean([synthetic.invented_value("fid", s, step) for s in specs]) for step in (100, 200, 300, 400)]
    assert line.get_xdata().tolist() == [100, 200, 300, 400]
    assert line.get_ydata() == pytest.approx(expected)


def test_diverged_runs_are_drawn_and_end_in_a_cross(figure, finished):
    ax = figure("training", "is").axes[0]
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert sorted(line.get_xdata()[0] for line in crosses) == [119, 249]


def test_samples_show_real_images_first_then_each_method(figure, finished):
    fig = figure("samples")
    titles = [ax.get_title(loc="left").split(" (")[0] for ax in fig.axes if ax.get_title(loc="left")]
    assert titles == ["Real data", *finished.study.labels]
    real = FigureData.read(finished.study, finished.layout).real_images("digits", 64)
    shown = fig.axes[0].images[0].get_array()
    assert (shown == tile(real, 8)).all()


def test_divergence_map_counts(figure):
    texts = [text.get_text() for text in figure("divergence").axes[0].texts]
    assert texts == ["0 of 2", "0 of 2", "2 of 2", "0 of 2", "0 of 2", "1 of 2"]


def test_spectral_panel_names_every_layer(figure):
    ax = figure("spectral").axes[0]
    assert sorted(text.get_text() for text in ax.texts) == sorted(synthetic.LAYERS)


def test_one_seed_one_method_and_everything_diverged_can_be_drawn(tmp_path):
    study = synthetic.make_study(methods=["sngan"], settings={"only": {"lr": 0.001}}, seeds=[5])
    case = make_case(tmp_path, study, diverged={spec.id: 2 for spec in study.runs()}, layers=())
    aggregate(study, case.layout)
    data = FigureData.read(study, case.layout)
    with style.house_style():
        figures = {plan.kind: draw(data, plan) for plan in figure_plans(study)}
    assert [text.get_text() for text in figures["spectral"].axes[0].texts] == ["not measured"]


def test_damaged_inputs_are_named(broken):
    data = FigureData.read(broken.study, broken.layout)
    shown = data.paths(data.shown_run("digits", "SNGAN"))
    damages = {
        "losses": (broken.layout.run("digits/SNGAN/A/seed0").log, b"no parquet", "cannot be read as Parquet"),
        "samples": (shown.samples / "final.npy", b"no array", "cannot be read"),
        "progress": (shown.samples / "progress.npy", None, "No such file"),
    }
    with style.house_style():
        for kind, (path, content, message) in damages.items():
            path.unlink()
            if content is not None:
                path.write_bytes(content)
            with pytest.raises(ConfigError, match=f"{path.name}: .*{message}"):
                draw(data, plan_of(broken, kind))


def test_progress_of_wrong_length_is_refused(broken):
    data = FigureData.read(broken.study, broken.layout)
    path = data.paths(data.shown_run("digits", "SNGAN")).samples / "progress.npy"
    np.save(path, np.load(path)[:-1])
    with style.house_style(), pytest.raises(ConfigError, match=r"3 snapshots, but the run has 4"):
        draw(data, plan_of(broken, "progress"))


def test_real_images_are_drawn_from_the_whole_split(finished):
    data = FigureData.read(finished.study, finished.layout)
    stored = np.load(finished.layout.dataset(finished.study.datasets["digits"]) / "images.npy")
    shown = data.real_images("digits", 16)
    places = [next(i for i, image in enumerate(stored) if np.array_equal(image, one)) for one in shown]
    assert len(set(places)) == 16
    assert max(places) < synthetic.NUM_TRAIN
    assert max(places) > synthetic.NUM_TRAIN // 2  # images may be in the order of their classes
    assert np.array_equal(shown, data.real_images("digits", 16))
