"""The part of the report about published values."""

from __future__ import annotations

import pytest
from beside import beside, value
from studies import TEMPLATES, say, templates, text_of, with_tables
from synthetic import make_case

from sngan_repro.analysis import outputs
from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.figures import make_figures
from sngan_repro.analysis.summary import read_summary
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.report.build import build_report
from sngan_repro.report.captions import figure_caption
from sngan_repro.report.published import rankings


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    made = make_case(tmp_path_factory.mktemp("beside"), beside(), value=value)
    aggregate(made.study, made.layout)
    make_tables(made.study, made.layout)
    return made


def test_captions_name_the_differences(case):
    plans = {plan.kind: plan for plan in outputs.figure_plans(case.study)}
    for kind in ("published_scores", "published_curves"):
        caption = figure_caption(templates(), case.study, plans[kind])
        assert "the protocols differ in feature network, generated images, " in caption
    assert "bottom: those of Southampton" in figure_caption(templates(), case.study, plans["ranks"])
    plain = beside(reference=None)
    ranks = next(plan for plan in outputs.figure_plans(plain) if plan.kind == "ranks")
    assert "Southampton" not in figure_caption(templates(), plain, ranks)


@pytest.mark.slow
def test_report_has_a_section_only_with_the_key(tmp_path):
    text = " ".join(text_of(_rendered(tmp_path / "a", beside())).replace("\\", "").split())
    assert (
        "# Beside published values The published values are those of *ICLR Reproducibility of SNGAN* [@feng2019]"
        in text
    )
    assert "By IS, SNGAN leads both here and in Southampton; the two rankings of 3 methods have Kendall's" in text
    assert "The study does not have BEGAN, EBGAN and LN." in text
    assert text.count("feature network: here") == 1
    assert "None of the 12 runs diverged. [Figure" in text  # a map of zeros is wanted beside published values
    plain = text_of(_rendered(tmp_path / "b", beside(reference=None)))
    assert "Beside published values" not in plain
    assert "count them by method" not in plain


def _rendered(root, study):
    return with_tables(root, study, value=value)


def test_ranking_sentence_names_other_leaders(case):
    summary = read_summary(case.layout)
    reference = case.study.published
    swapped = reference.best_values.values | {"is": {"SNGAN": 1.0, "WGAN-GP": 2.0, "BN": 3.0}}
    values = reference.best_values.model_copy(update={"values": swapped})
    other = reference.model_copy(update={"best_values": values})
    sentence = say("published_ranking", rankings(case.study, other, summary, "cifar10")[0])
    assert (
        "By IS, SNGAN leads here and BN in Southampton; the two rankings of 3 methods have Kendall's $\\tau_b$ = −1.00."
        in sentence
    )


@pytest.mark.slow
def test_the_whole_report_is_typeset(case, tmp_path):
    made = case.copy(tmp_path)
    make_figures(made.study, made.layout)
    files = [*outputs.figure_files(made.study, made.layout), made.layout.figures / "figures.sha256"]
    assert sorted(made.layout.figures.iterdir()) == sorted(files)
    build_report(made.study, made.layout, TEMPLATES)
    assert made.layout.report_html.read_text(encoding="utf-8").count("<figure") == len(outputs.figure_plans(made.study))
