"""The key ``benchmark`` of a study: which runs are measured, and what its mistakes are called."""

from __future__ import annotations

import pytest
import synthetic

from sngan_repro.core.schema import ConfigError
from sngan_repro.study.benchmark import benchmark_entries, benchmark_runs, benchmark_text


def study_with(**benchmark):
    return synthetic.make_study(benchmark=benchmark)


def test_each_method_is_measured_at_each_size_at_the_benchmarks_n_dis():
    runs = benchmark_runs(study_with(image_sizes=[16, 32], n_dis=3))
    assert [(run.data.image_size, run.label) for run in runs] == [
        (size, label) for size in (16, 32) for label in ("SNGAN", "WGAN-GP", "BEGAN")
    ]
    assert {run.optimizer.n_dis for run in runs} == {3}
    assert {(run.setting, run.optimizer.lr, run.optimizer.beta2) for run in runs} == {("A", 0.001, 0.9)}
    assert len({run.digest() for run in runs}) == 6


def test_defaults_are_those_of_the_paper_and_of_the_study():
    study = study_with()
    assert [run.data.image_size for run in benchmark_runs(study)] == [16, 16, 16]
    assert (study.benchmark.n_dis, study.benchmark.repeats) == (5, 5)


def test_methods_are_labels_of_the_study_or_entries_of_their_own():
    methods = [{"name": "sngan", "label": "SN", "loss": "standard", "setting": {"n_dis": 2}}, "wgan_gp"]
    study = synthetic.make_study(
        methods=methods, benchmark={"methods": ["SN", {"name": "gan", "label": "plain"}, "bn"]}
    )
    assert [label for _, label in benchmark_entries(study)] == ["SN", "plain", "BN"]
    sn, plain, bn = benchmark_runs(study)
    assert (sn.method.name, sn.method.options["loss"], sn.optimizer.n_dis) == ("sngan", "standard", 5)
    assert (plain.method.name, plain.method.options["weights"], bn.method.name) == ("gan", None, "bn")


@pytest.mark.parametrize(
    ("benchmark", "message"),
    [
        ({"methods": ["sngam"]}, r"benchmark: methods: unknown method 'sngam'.*; or a label of this study: SNGAN"),
        ({"methods": [{"name": "sngan", "los": "hinge"}]}, r"benchmark: methods: SNGAN: los: unknown key"),
        ({"methods": ["SNGAN", "sngan"]}, r"benchmark: methods: two entries have the label 'SNGAN'"),
        ({"methods": ["pca_sampler"]}, r"benchmark: methods: .*pca_sampler"),
        ({"image_sizes": [18]}, r"benchmark: image_sizes: image_size: .*multiple of 4"),
        ({"image_sizes": [16, 16]}, r"benchmark.image_sizes: a size is listed twice"),
        ({"size": 16}, r"benchmark.size: unknown key.*allowed here: methods, image_sizes, n_dis"),
    ],
)
def test_mistakes_are_found_before_any_job(benchmark, message):
    with pytest.raises(ConfigError, match=message):
        study_with(**benchmark)


def test_a_study_without_benchmark_measures_nothing_and_is_unchanged():
    study = synthetic.make_study()
    assert (benchmark_runs(study), benchmark_entries(study), benchmark_text(study)) == ([], [], "")
    assert "benchmark" not in study.to_dict()
    assert "curves" not in study.to_dict()


def test_the_text_changes_with_what_is_measured():
    texts = {
        benchmark_text(study_with(**changed)) for changed in ({}, {"n_dis": 1}, {"repeats": 2}, {"min_seconds": 1})
    }
    assert len(texts) == 4
