"""Series of runs that differ in one number only."""

from __future__ import annotations

import pytest
import synthetic

from sngan_repro.core.schema import ConfigError
from sngan_repro.study.curves import series_of

N_DIS = {f"n{n}": {"lr": 0.001, "n_dis": n} for n in (5, 1, 2)}


def series(key="setting.n_dis", methods=(), entries=("sngan", "wgan_gp", "began"), **changes):
    changes["methods"] = list(entries)
    study = synthetic.make_study(curves=[{"key": key, "methods": list(methods)}], **changes)
    found = series_of(study, study.curves[0], "digits")
    return {s.name: [(p.x, p.label, p.setting) for p in s.points] for s in found}


def test_settings_that_differ_in_n_dis_are_one_line_per_method():
    found = series(settings=N_DIS, methods=["SNGAN", "BEGAN"])
    assert found == {label: [(1, label, "n1"), (2, label, "n2"), (5, label, "n5")] for label in ("SNGAN", "BEGAN")}


def test_settings_that_differ_in_something_else_too_are_not_joined():
    settings = {**N_DIS, "other": {"lr": 0.002, "n_dis": 10}}
    assert [x for x, *_ in series(settings=settings)["SNGAN"]] == [1, 2, 5]


def test_entries_that_differ_in_the_width_are_one_line_per_setting():
    methods = [
        {"name": "sngan", "label": "SN-wide", "nets": {"width": 16}},
        {"name": "sngan", "label": "SN-narrow", "nets": {"width": 4}},
        {"name": "bn", "nets": {"width": 4}},
    ]
    study = synthetic.make_study(methods=methods, curves=[{"key": "nets.width"}])
    found = series_of(study, study.curves[0], "digits")
    assert [(s.name, [(p.x, p.label) for p in s.points]) for s in found] == [
        ("SN, A", [(4, "SN-narrow"), (16, "SN-wide")]),
        ("SN, B", [(4, "SN-narrow"), (16, "SN-wide")]),
    ]


def test_options_of_a_method_and_of_a_family_are_keys_too():
    methods = [{"name": "wgan_gp", "label": f"GP-{weight}", "penalty_weight": weight} for weight in (1, 10)] + [
        {"name": "bn", "label": f"BN-{factor}", "nets": {"options": {"last_width": factor}}} for factor in (1, 2)
    ]
    study = synthetic.make_study(
        methods=methods,
        settings={"A": {"lr": 0.001}},
        curves=[{"key": "options.penalty_weight"}, {"key": "nets.options.last_width"}],
    )
    first, second = (series_of(study, curve, "digits") for curve in study.curves)
    assert [(s.name, [p.x for p in s.points]) for s in first] == [("GP", [1, 10])]
    assert [(s.name, [p.x for p in s.points]) for s in second] == [("BN", [1, 2])]  # 1 is the default


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (["SN-0.5", "SN-0.25"], "SN"),
        (["SN2-4", "SN2-8"], "SN2"),
        (["SN", "SN-2"], "SN"),
        (["GP-1", "GP-10"], "GP"),
        (["wide", "narrow"], "narrow"),
    ],
)
def test_a_line_is_called_what_its_labels_begin_with(labels, name):
    widths = zip(labels, (16, 4), strict=True)
    methods = [{"name": "sngan", "label": label, "nets": {"width": width}} for label, width in widths]
    assert list(series("nets.width", methods=labels, settings={"A": {"lr": 0.001}}, entries=methods)) == [name]


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        ({"key": "setting.n_dis"}, r"curves.0: key: no two runs differ in `setting.n_dis` only \(its values: 1\)"),
        ({"key": "setting.ndis"}, r"curves.0: key: no run of the study has a value of `setting.ndis`"),
        ({"key": "n_dis"}, r"curves.0.key"),
        ({"key": "setting.beta2", "methods": ["SNGA"]}, r"curves.0: unknown method 'SNGA'; did you mean 'SNGAN'"),
        ({"key": "setting.beta2", "metrics": ["fid"]}, r"curves.0: unknown metric 'fid'"),
        ({"keys": "setting.beta2"}, r"curves.0.keys: unknown key"),
    ],
)
def test_mistakes_are_found_before_any_job(curve, message):
    with pytest.raises(ConfigError, match=message):
        synthetic.make_study(curves=[curve])


def test_the_settings_of_the_invented_study_differ_in_beta2():
    assert [x for x, *_ in series("setting.beta2")["SNGAN"]] == [0.9, 0.999]
