import subprocess
import sys

import pytest
import synthetic

from sngan_repro.analysis import outputs
from sngan_repro.study.layout import Layout


def test_importing_outputs_stays_light():
    code = (
        "import sys; from sngan_repro.analysis import outputs, naming; "
        "print([m for m in ('torch', 'pandas', 'numpy', 'matplotlib', 'seaborn') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(("count", "size", "lengths"), [(0, 3, []), (3, 3, [3]), (4, 3, [2, 2]), (10, 4, [3, 4, 3])])
def test_chunks_are_even_and_complete(count, size, lengths):
    found = outputs.chunks(range(count), size)
    assert [len(part) for part in found] == lengths
    assert [item for part in found for item in part] == list(range(count))


def test_small_study_has_one_figure_of_each_kind():
    plans = outputs.figure_plans(synthetic.make_study())
    assert [(plan.kind, plan.topic, plan.parts) for plan in plans] == [
        ("scores", "headline", 1),
        ("training", "is600@classifier", 1),
        ("training", "fid600_train@classifier", 1),
        ("ranks", "", 1),
        ("samples", "", 1),
        ("progress", "", 1),
        ("scores", "others", 1),
        ("training_best", "others", 1),
        ("variety", "precision600_train@classifier", 1),
        ("losses", "", 1),
        ("spectral", "", 1),
        ("spectra", "", 1),
        ("d_outputs", "", 1),
        ("divergence", "", 1),
        ("cost", "", 1),
    ]


def test_large_study_is_cut_into_parts_that_show_everything_once():
    methods = [{"name": "wgan_gp", "label": f"M{k}", "penalty_weight": k + 1} for k in range(20)]
    settings = {f"S{k}": {"lr": 0.001} for k in range(9)}
    study = synthetic.make_study(methods=methods, settings=settings, datasets={
        "a": {"source": "digits", "image_size": 16}, "b": {"source": "digits", "image_size": 32}
    })  # fmt: skip
    plans = outputs.figure_plans(study)
    names = [plan.name for plan in plans]
    assert len(set(names)) == len(names)
    losses = [plan for plan in plans if plan.kind == "losses" and plan.dataset == "b"]
    assert [plan.part for plan in losses] == list(range(1, losses[0].parts + 1))
    cells = [(label, setting) for plan in losses for label in plan.methods for setting in plan.settings]
    assert sorted(cells) == sorted((label, setting) for label in study.labels for setting in settings)
    assert all(len(plan.methods) * len(plan.settings) <= 36 for plan in plans if plan.kind == "scores")


def test_files_are_below_the_study(tmp_path):
    study, layout = synthetic.make_study(), Layout("invented", tmp_path / "results", tmp_path / "data")
    files = outputs.figure_files(study, layout)
    assert len(files) == 2 * len(outputs.figure_plans(study))
    assert {file.suffix for file in files} == {".svg", ".png"}
    assert all(file.parent == layout.figures for file in files)
    tables = {**outputs.aggregate_files(layout), **outputs.table_files(layout)}
    assert len(set(tables.values())) == len(tables)
    assert {"scores", "runs", "cost", "summary", "best_md", "best_tex"} <= set(tables)
