"""Faults in the measurement beside the clean protocol: what is compared, by hand, and where it is shown."""

import shutil

import pytest
import synthetic
from studies import TEMPLATES, say, text_of
from synthetic import make_case

from sngan_repro.analysis import outputs
from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.outputs import aggregate_files, figure_plans, printed_names, table_files
from sngan_repro.analysis.summary import read_results, summarise_study
from sngan_repro.analysis.tables.artefacts import artefact_table, artefacts
from sngan_repro.analysis.tables.tables import make_tables
from sngan_repro.analysis.tabular import read_table
from sngan_repro.core.files import read_json, write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.report import description, findings

BASE = {"evaluator": "classifier", "num_fake": 600, "metrics": ["is", "fid"]}
CLEAN, FAULTY = "fid600_train@classifier", "fid600_train_50x12@classifier"
FID = {  # name -> (method, setting) -> score of seed k
    CLEAN: {("SNGAN", "A"): lambda k: 10 + k, ("SNGAN", "B"): lambda k: 20 + k, ("BN", "A"): lambda k: 40 - k},
    FAULTY: {("SNGAN", "A"): lambda k: 14 + 3 * k, ("SNGAN", "B"): lambda k: 5 + k, ("BN", "A"): lambda k: 50 - k},
}


def value(metric, spec, steps):
    if metric in FID:
        return float(FID[metric].get((spec.label, spec.setting), lambda k: 99.0)(spec.seed))
    return 2.0 if "50x12" in metric else 3.0


def make(root, **changes):
    """Three seeds; one run of BN diverges. Real images: 2 clean, 8 with the fault."""
    scores = [BASE, BASE | {"fault_distinct": 50}]
    study = synthetic.make_study(methods=["sngan", "bn"], seeds=[0, 1, 2], **{"scores": scores, **changes})
    case = make_case(root, study, value=value, diverged={"digits/BN/A/seed2": 150})
    path = case.layout.real_scores("digits")
    content = read_json(path)
    for record in content["records"]:
        record["value"] = {CLEAN: 2.0, FAULTY: 8.0}.get(record["metric"], 5.0)
    write_json(path, content)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    return case


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return make(tmp_path_factory.mktemp("artefacts"))


def rows_of(case):
    results = read_results(case.layout)
    return artefacts(case.study, results, summarise_study(case.study, results), "digits")


def test_rows_by_hand(case):
    rows = {(row.faulty_name, row.label): row for row in rows_of(case)}
    sngan = rows[FAULTY, "SNGAN"]
    assert sngan.setting == "A"  # the best by the clean metric, though B is better with the fault
    assert (sngan.clean.mean, sngan.clean.sd) == (11, 1)
    assert (sngan.faulty.mean, sngan.faulty.sd) == (17, 3)
    assert (sngan.difference.mean, sngan.difference.n) == (6, 3)  # 4, 6, 8
    assert (sngan.difference.ci_low, sngan.difference.ci_high) == pytest.approx((1.0317, 10.9683), abs=1e-4)
    assert sngan.share == pytest.approx(6 / 17)
    real = rows[FAULTY, "Real data"]
    assert (real.clean.mean, real.faulty.mean, real.difference.mean, real.clean.sd) == (2, 8, 6, 0)
    assert real.share == pytest.approx(0.75)
    score = rows["is600_50x12@classifier", "SNGAN"]
    assert (score.clean.mean, score.faulty.mean, score.difference.mean, score.share) == (3, 2, -1, None)


def test_only_seeds_that_finished_are_paired(tmp_path):
    def at_one_setting(metric, spec, steps):
        return float(FID[metric]["BN", "A"](spec.seed)) if metric in FID else 3.0

    study = synthetic.make_study(
        methods=["bn"],
        settings={"A": {"lr": 0.001}},
        seeds=[0, 1, 2],
        scores=[BASE, BASE | {"fault_distinct": 50}],
    )
    case = make_case(tmp_path, study, value=at_one_setting, diverged={"digits/BN/A/seed2": 150})
    aggregate(study, case.layout)
    (row,) = [row for row in rows_of(case) if (row.faulty_name, row.label) == (FAULTY, "BN")]
    assert (row.clean.mean, row.faulty.mean, row.difference.mean, row.difference.n) == (39.5, 49.5, 10, 2)


def test_table(case):
    results = read_results(case.layout)
    table = artefact_table(case.study, results, summarise_study(case.study, results), "digits")
    cells = {(row[1], row[2]): row for row in table.rows}
    assert cells["FID ↓", "SNGAN"] == [
        "50 distinct",
        "FID ↓",
        "SNGAN",
        "A",
        "11.0 ± 1.0",
        "17.0 ± 3.0",
        "6.0",
        "[1.0, 11.0]",
        "3",
        "35.3 %",
    ]
    assert cells["FID ↓", "Real data"][3:] == ["–", "2.00 ± 0.00", "8.00 ± 0.00", "6.00", "[6.00, 6.00]", "5", "75.0 %"]
    assert cells["IS ↑", "SNGAN"][4:] == ["3.000 ± 0.000", "2.000 ± 0.000", "−1.000", "[−1.000, −1.000]", "3", "–"]
    assert table.rule_before == {3}
    for suffix in ("md", "tex"):
        text = table_files(case.layout, case.study)[f"artefacts_{suffix}"].read_text(encoding="utf-8")
        assert "35.3" in text


def test_sentences(case):
    results = read_results(case.layout)
    found = findings.faults(case.study, results, summarise_study(case.study, results), "digits")
    sentences = [say("artefact", words) for words in found]
    assert len(sentences) == 2
    assert sentences[1].startswith(
        "With only 50 distinct images 12 times each, the FID of real images goes from 2.00 to 8.00 (75.0 % of the "
        "latter), that of SNGAN goes from 11.0 to 17.0 (35.3 % of the latter) and that of BN"
    )


def test_tables_are_declared_as_written(case, finished):
    for made in (case, finished):
        written = {path for path in made.layout.tables.iterdir() if path.suffix != ".sha256"}
        declared = {**aggregate_files(made.layout), **table_files(made.layout, made.study)}
        assert written == set(declared.values())
    assert "artefacts" in printed_names(case.study)
    assert "artefacts" not in printed_names(finished.study)


@pytest.mark.parametrize(
    ("scores", "pairs"),
    [
        ([BASE], 0),
        ([BASE | {"fault_distinct": 50}], 0),
        ([BASE | {"num_fake": 500}, BASE | {"fault_distinct": 50}], 0),
        ([BASE | {"metrics": ["fid"]}, BASE | {"fault_distinct": 50}], 1),
        ([BASE, BASE | {"fault_distinct": 50}, BASE | {"fault_detour": 12}], 4),
    ],
)
def test_only_faults_beside_their_clean_twin_are_compared(scores, pairs):
    study = synthetic.make_study(scores=scores)
    assert len(study.fault_pairs) == pairs
    assert ("artefacts" in printed_names(study)) == (pairs > 0)


def with_figures(case, root):
    case = case.copy(root)
    case.layout.figures.mkdir(exist_ok=True)
    for plan in figure_plans(case.study):
        plan.file(case.layout, "svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="226.8pt"/>')
    return case


@pytest.mark.slow
def test_report_has_the_section_only_where_there_is_something_to_show(case, finished, tmp_path):
    faulty, clean = with_figures(case, tmp_path / "a"), with_figures(finished, tmp_path / "b")
    text = text_of(faulty)
    flat = " ".join(text.replace("\\", "").split())
    assert text.count("## The effect of faults in the measurement") == 1
    assert (
        text.index("# Results")
        < text.index("## The effect of faults in the measurement")
        < text.index("# What can and")
    )
    assert "the FID of real images goes from 2.00 to 8.00 (75.0 % of the latter)" in flat
    assert "| 50 distinct | FID ↓ | SNGAN | A | 11.0 ± 1.0 | 17.0 ± 3.0 | 6.0 |" in flat
    assert "**with faults**, to show what they do: only 50 distinct images 12 times each" in flat
    assert "On digits the best FID is that of **SNGAN** at setting A (11.0 ± 1.0" in flat
    assert "The effect of faults in the measurement" not in text_of(clean)


def test_report_of_several_datasets_names_them(tmp_path):
    sets = {"one": {"source": "digits", "image_size": 16}, "two": {"source": "digits", "image_size": 32}}
    study = synthetic.make_study(datasets=sets, methods=["sngan"], scores=[BASE, BASE | {"fault_distinct": 50}])
    case = make_case(tmp_path / "made", study)
    aggregate(study, case.layout)
    make_tables(study, case.layout)
    case = with_figures(case, tmp_path / "drawn")
    text = text_of(case)
    assert "- On one: With only 50 distinct images" in text
    assert "- On two: With only 50 distinct images" in text


def test_missing_included_template_is_named(finished, tmp_path):
    from sngan_repro.report.build import build_report

    shutil.copytree(TEMPLATES, tmp_path / "report")
    (tmp_path / "report" / "artefacts.md.j2").unlink()
    with pytest.raises(ConfigError, match=r"artefacts\.md\.j2: no such file"):
        build_report(finished.study, finished.layout, tmp_path / "report")


def test_headline_comparison_and_variety_are_clean():
    protocol = {"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100}
    study = synthetic.make_study(scores=[protocol | {"fault_distinct": 50}, protocol])
    assert study.headline_metrics == ["is600@classifier", "fid600_train@classifier"]
    varieties = [plan for plan in outputs.figure_plans(study) if plan.kind == "variety"]
    assert [plan.metrics for plan in varieties] == [("precision600_train@classifier", "recall600_train@classifier")]


def test_literature_is_not_compared_with_faulty_scores():
    study = synthetic.make_study(scores=[BASE | {"evaluator": "inception", "fault_distinct": 50}])
    (sentence,) = [say("comparable", words) for words in findings.comparable(study)]
    assert "faults" in sentence
    assert "compared with" not in sentence


def test_scores_table_has_the_faults(case):
    table = read_table(aggregate_files(case.layout)["scores"], "aggregate")
    assert set(table.loc[table["metric"] == FAULTY, "fault_distinct"]) == {50}
    assert table.loc[table["metric"] == CLEAN, "fault_distinct"].isna().all()
    assert set(table["fault_contrast_stretch"]) == {""}


def test_stretched_scores_are_read_back(tmp_path):
    study = synthetic.make_study(methods=["sngan"], scores=[BASE, BASE | {"fault_contrast_stretch": True}])
    case = make_case(tmp_path, study)
    aggregate(study, case.layout)
    table = read_table(aggregate_files(case.layout)["scores"], "aggregate")
    stretched = table["metric"].str.contains("stretched")
    assert set(table.loc[stretched, "fault_contrast_stretch"]) == {"True"}
    assert set(table.loc[~stretched, "fault_contrast_stretch"]) == {""}


@pytest.mark.parametrize(("stored", "given"), [(50, None), (None, 50), (25, 50)])
def test_scores_of_another_fault_are_refused(tmp_path, stored, given):
    """By name they would differ already; a record whose name and protocol disagree is not believed."""
    study = synthetic.make_study(methods=["sngan"], scores=[BASE | ({"fault_distinct": given} if given else {})])
    case = make_case(tmp_path, study)
    path = case.layout.run(study.runs()[0].id).scores
    content = read_json(path)
    for record in content["records"]:
        record["protocol"].pop("fault_distinct", None)
        record["protocol"] |= {"fault_distinct": stored} if stored else {}
    write_json(path, content)
    with pytest.raises(ConfigError, match=f"scored with fault_distinct = {stored}, but the study says {given}"):
        aggregate(study, case.layout)


def test_protocol_in_words():
    study = synthetic.make_study(scores=[BASE, BASE | {"fault_contrast_stretch": True, "fault_detour": 12}])
    clean, faulty = (say("protocol", description.protocol(spec)) for spec in study.scores)
    assert "fault" not in clean
    assert "the contrast of each image stretched and a detour over 12 px" in faulty
